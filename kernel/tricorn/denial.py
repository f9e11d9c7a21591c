"""The ordinary response that denies a WebSocket (ASGI extension `websocket.http.response`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tricorn.api import Head, Message, Scope, Stream
from tricorn.exchange import Exchange
from tricorn.fields import CLOSE
from tricorn.scope import client_name, log_path

if TYPE_CHECKING:
    from tricorn.kernel import Kernel

FORBIDDEN: Message = {
    "type": "http.response.start",
    "status": 403,
    "headers": [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"0")],
}
"""The answer that an application gives by closing before it accepts."""


class Denial(Exchange):
    """Sends the response by the rules of every other one, and ends the connection with it.

    What the client may have sent behind the handshake was meant as frames; nobody must read it as a request.
    """

    __slots__ = ()

    def __init__(self, kernel: Kernel, stream: Stream, head: Head, scope: Scope) -> None:
        super().__init__(kernel, stream, head, {**scope, "method": head.method})

    def _send_head(self, data: bytes, end: bool) -> None:
        log_handshake(self._kernel, self._stream, self.scope, str(self._status))
        self._stream.send_head(self._status, self._fields, self._flags | CLOSE, data, end)


def log_handshake(kernel: Kernel, stream: Stream, scope: Scope, answer: str) -> None:
    """Log how a handshake was answered: a status, or `[accepted]`."""
    kernel.log.info('%s - "WebSocket %s" %s', client_name(scope, stream), log_path(scope), answer)
