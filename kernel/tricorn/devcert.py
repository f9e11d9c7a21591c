"""Certificates for `tricorn dev --https`, of an authority that this user's browsers can be told to trust.

The authority is made once and kept, readable by the user alone; the certificates are made at every start and are valid
for as long as anybody develops without a break. trustme makes both.
"""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

from tricorn.registry import PluginError

VALID = timedelta(days=30)

NAMES = ("localhost", "127.0.0.1", "::1")


class Files(NamedTuple):
    """Where everything is: the certificate with its key in one file, and the certificate of the authority."""

    certificate: Path
    authority: Path


def make_certificate() -> Files:
    """A new certificate for this machine. Raises PluginError without trustme, or where it cannot be written."""
    try:
        import trustme
    except ImportError as error:
        raise PluginError(f"tricorn dev --https needs the package trustme ({error}): pip install trustme.") from None
    folder = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share", "tricorn")
    files = Files(*(folder / name for name in ("server.pem", "authority.pem")))
    secret = folder / "authority-key.pem"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if secret.exists():
            authority = trustme.CA.from_pem(files.authority.read_bytes(), secret.read_bytes())
        else:
            authority = trustme.CA(organization_name="tricorn dev", organization_unit_name=socket.gethostname())
            _write(files.authority, authority.cert_pem.bytes())
            _write(secret, authority.private_key_pem.bytes())
        until = datetime.now(timezone.utc) + VALID
        issued = authority.issue_cert(*NAMES, socket.gethostname(), not_after=until)
        _write(files.certificate, issued.private_key_and_cert_chain_pem.bytes())
    except OSError as error:
        raise PluginError(f"The certificate for --https cannot be written: {error}.") from error
    return files


def _write(path: Path, content: bytes) -> None:
    """Write a file that only this user may read, at once as a whole: another server may be starting too."""
    new = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    new.replace(path)
