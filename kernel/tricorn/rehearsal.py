"""`tricorn check APP`: everything that a start does before it serves, and nothing after that.

Plugins are loaded, the application is imported, certificates are verified, and the address is taken and given back. The
lifespan is not run: what an application does there, it does for serving.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import sys
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import click

from tricorn import selection
from tricorn.cli import Origins, given, settings_command, unnamed
from tricorn.config import Config, fail
from tricorn.options import OPTIONS, default_of
from tricorn.registry import PluginError, Registry
from tricorn.tls import make_context

PARTIAL_CHAIN = 0x80000
"""`ssl.VERIFY_X509_PARTIAL_CHAIN`, not named by every Python: a chain may end at a certificate that is no root."""


def rehearsal_command(arguments: Sequence[str], registry: Registry) -> click.Command:
    """The command: takes every option of serving; exits as serving would where that could not start."""
    command = settings_command(arguments, rehearse, registry)
    command.help = (
        "Import APP, verify the settings and certificates and take the address, without serving. "
        "tricorn check KIND NAME runs the conformance checks for a plugin instead."
    )
    return command


def rehearse(origins: Origins, app: str | None, values: dict[str, Any]) -> None:
    """Print what was found in the order of a start, and exit where that would."""
    app = app or unnamed(values)
    sys.path.insert(0, values.pop("app_dir"))
    try:
        for what, found in examine(Config(app, registry=origins.registry, **given(values))):
            click.echo(f"{what:11}  {found}")
    except Exception as error:
        from tricorn.explaining import explain

        explain(error)
        sys.exit(1)


def examine(config: Config) -> Iterator[tuple[str, str]]:
    """What a start would meet with. Exits with status 3, like that, at what cannot be."""
    config.load()
    yield "application", f"{config.app} can be served"
    config.get_loop_factory()
    try:
        config.selected["supervisor"] = [selection.supervisor(config)]
    except PluginError as error:
        fail(str(error))
    chosen = (f"{kind} {plugin}" for kind, plugins in config.selected.items() for plugin in plugins)
    yield "plugins", ", ".join(chosen)
    if config.ssl is not None and config.ssl_certfile:
        yield "certificate", f"{os.fspath(config.ssl_certfile)} is valid until {valid_until(config)}"
    sockets = config.bind_sockets()
    try:
        yield "address", f"{', '.join(map(_address, sockets))} can be had"
    finally:
        for sock in sockets:
            sock.close()
        if config.listener.close is not None:
            config.listener.close(config)


def valid_until(config: Config) -> str:
    """The end of the certificate's time, learnt by a handshake in memory.

    Exits with status 3 when it is not valid now, or not made for a server.
    """
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    # Only whether clients could take the certificate is asked here, not whether its authority is known on this machine.
    client.load_verify_locations(config.ssl_certfile)
    client.verify_flags |= PARTIAL_CHAIN
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server)
    theirs = _undemanding(config).wrap_bio(to_server, to_client, server_side=True)
    while True:
        try:
            ours.do_handshake()
            break
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLCertVerificationError as error:
            fail(f"{os.fspath(config.ssl_certfile)} (--ssl-certfile) is refused by clients: {error.verify_message}.")
        with contextlib.suppress(ssl.SSLWantReadError):
            theirs.do_handshake()
    certificate = ours.getpeercert()
    assert certificate is not None
    return str(certificate["notAfter"])


def _undemanding(config: Config) -> ssl.SSLContext:
    """The server's certificate without what it wants of clients, which the one in memory would not meet."""
    named = ("ssl_certfile", "ssl_keyfile", "ssl_keyfile_password")
    settings = {option.name: default_of(option) for option in OPTIONS if option.name.startswith("ssl_")}
    return make_context(SimpleNamespace(**{**settings, **{name: getattr(config, name) for name in named}}))


def _address(sock: socket.socket) -> str:
    name = sock.getsockname()
    if not isinstance(name, tuple):
        return str(name)
    return f"[{name[0]}]:{name[1]}" if sock.family == socket.AF_INET6 else f"{name[0]}:{name[1]}"
