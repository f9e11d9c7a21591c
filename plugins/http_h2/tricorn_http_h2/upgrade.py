"""The upgrade from HTTP/1.1 in clear text (RFC 7540 section 3.2), which RFC 9113 has removed: only where asked for.

The request that asks becomes stream 1 of the new connection, its `HTTP2-Settings` the client's first SETTINGS.
"""

from __future__ import annotations

import asyncio
import binascii
import re
from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING, cast

from tricorn.api import Head
from tricorn_http_h2.connection import Http2Connection
from tricorn_http_h2.frames import ConnectionFault
from tricorn_http_h2.heads import Request

if TYPE_CHECKING:
    from tricorn.api import Kernel

_SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: h2c\r\n\r\n"
_OF_THE_CONNECTION = frozenset((b"connection", b"upgrade", b"http2-settings", b"keep-alive", b"proxy-connection"))
_BASE64URL = re.compile(rb"[A-Za-z0-9_-]*")


class UpgradedConnection(Http2Connection):
    """A connection whose first request has come over HTTP/1.1. settings: the payload of the client's first SETTINGS."""

    __slots__ = ("_request", "_settings")

    def __init__(self, kernel: Kernel, request: Request, settings: bytes) -> None:
        super().__init__(kernel)
        self._request = request
        self._settings = settings

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answer 101, then begin as every connection does, and serve the request."""
        cast("asyncio.Transport", transport).write(_SWITCHING)
        super().connection_made(transport)
        try:
            self.client_settings.apply(self._settings)
        except ConnectionFault as fault:
            self.fail(fault)
            return
        self.last = 1
        self.serve(1, self._request, True)
        self.start()


def upgrade(kernel: Kernel, head: Head) -> asyncio.Protocol | None:
    """Take the upgrade to `h2c` where the option is on and the request asks for it properly."""
    if not kernel.settings.h2_upgrade or head.target[:1] != b"/":
        return None
    options, protocols = _members(head, b"connection"), _members(head, b"upgrade")
    if not {b"upgrade", b"http2-settings"} <= options or b"h2c" not in protocols or b"websocket" in protocols:
        return None
    settings = _settings(head)
    if settings is None:
        return None
    request = Request()
    request.method, request.path = head.method, head.target
    host = next(field for field in head.headers if field[0] == b"host")
    others = [field for field in head.headers if field[0] not in _OF_THE_CONNECTION and field[0] != b"host"]
    request.headers = [host, *others]
    return UpgradedConnection(kernel, request, settings)


def _members(head: Head, wanted: bytes) -> set[bytes]:
    return {
        member.strip(b" \t").lower() for name, value in head.headers if name == wanted for member in value.split(b",")
    }


def _settings(head: Head) -> bytes | None:
    """The payload in the one HTTP2-Settings field, in base64url without padding; None where there is none such."""
    fields = [value for name, value in head.headers if name == b"http2-settings"]
    if len(fields) != 1 or _BASE64URL.fullmatch(fields[0]) is None:
        return None
    try:
        payload = urlsafe_b64decode(fields[0] + b"=" * (-len(fields[0]) % 4))
    except binascii.Error:
        return None
    return payload if len(payload) % 6 == 0 else None
