"""Request targets and Host: what they may be (RFC 9112 section 3.2, RFC 3986), and the path that the scope gets."""

from __future__ import annotations

import re
import socket
from urllib.parse import unquote

from tricorn.api import Refusal

_TARGET = bytes(byte for byte in range(0x21, 0x7F) if byte != ord("#"))
"""Printable ASCII. A fragment is never sent (RFC 9112 section 3.2), and raw bytes outside ASCII have no one reading."""
_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?]*)(/[^?]*)?(\?.*)?", re.DOTALL)
_HOST = re.compile(
    rb"(?:\[(?:([0-9A-Fa-f:.]+)|v[0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+;=:]+)\]"
    rb"|(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})*)"
    rb"(?::([0-9]{0,5}))?"
)
"""`uri-host [":" port]` less the comma that RFC 3986 allows in a name: two Host fields joined by a proxy hold one."""

known_hosts: set[bytes] = set()
"""Host values that were found valid."""
_HOST_LIMIT = 1024


def check_host(value: bytes) -> None:
    """Raise Refusal(400) unless `value` is a valid Host; what was valid once is remembered, up to a bound."""
    if value in known_hosts:
        return
    match = _HOST.fullmatch(value)
    if match is None or len(value) > 512 or int(match[2] or b"0") > 65535 or not _is_ipv6(match[1]):
        raise Refusal(400, "invalid Host")
    if len(known_hosts) >= _HOST_LIMIT:
        known_hosts.clear()
    known_hosts.add(value)


def _is_ipv6(literal: bytes | None) -> bool:
    """Whether what stands in brackets is an IPv6 address; None where nothing does that has to be one."""
    try:
        return literal is None or bool(socket.inet_pton(socket.AF_INET6, literal.decode("ascii")))
    except OSError:
        return False


known_targets: dict[bytes, tuple[str, bytes, bytes, bytes | None]] = {}
"""What `split_target` made of origin-form targets: an application is asked for the same paths again and again."""
known_target = known_targets.get
_TARGET_LIMIT = 1024


def split_target(method: str, target: bytes) -> tuple[str, bytes, bytes, bytes | None]:
    """Split a request target into (path, raw path, query string, authority of an absolute target or None).

    The path is percent-decoded once as UTF-8, with U+FFFD for what is not; dots and double slashes stay.
    Raises Refusal(400) for a target that is neither origin-form nor absolute-form, nor `*` for OPTIONS.
    """
    if target.translate(None, _TARGET):
        raise Refusal(400, "invalid request target")
    if target[:1] == b"/":
        path, raw, query = _split_path(target)
        if len(target) <= 256:
            if len(known_targets) >= _TARGET_LIMIT:
                known_targets.clear()
            known_targets[target] = path, raw, query, None
        return path, raw, query, None
    if target == b"*" and method == "OPTIONS":
        return "*", b"*", b"", None
    match = _ABSOLUTE.fullmatch(target)
    if match is None or not match[1]:
        raise Refusal(400, "invalid request target")
    check_host(match[1])
    return *_split_path((match[2] or b"/") + (match[3] or b"")), match[1]


def _split_path(target: bytes) -> tuple[str, bytes, bytes]:
    raw, _, query = target.partition(b"?")
    path = raw.decode("ascii")
    if "%" in path:
        path = unquote(path)
    return path, raw, query
