"""HTTP/1 heads read by h11: pure Python, strict, and at home on every interpreter."""

from __future__ import annotations

import re

import h11

from tricorn.api import Headers, Http1Codec, HttpProvider, hookimpl

tricorn_api = 1

_HEAD_LIMIT = 1 << 30
"""The kernel has measured the head before it comes here."""
_CHUNKED = re.compile(rb"\r\n(?i:transfer-encoding):[\t ]*chunked[\t ]*\r\n")


class H11Codec:
    """An `Http1Codec`. Every head gets an h11 connection of its own: h11 keeps one for the state of both directions,
    which the kernel owns here, and making one is cheaper than leading it through a response it never sends."""

    __slots__ = ()

    def read_head(self, head: bytes) -> tuple[bytes, bytes, Headers]:
        """Split one complete head (`tricorn.api.Http1Codec`)."""
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_LIMIT)
        connection.receive_data(head)
        try:
            request = connection.next_event()
        except h11.RemoteProtocolError as error:
            raise ValueError(str(error)) from None
        if type(request) is not h11.Request:
            raise ValueError("not a request")
        fields = list(request.headers)
        if (b"transfer-encoding", b"chunked") in fields and _CHUNKED.search(head) is None:
            raise ValueError("h11 reports the coding in lower case, whatever the client wrote")
        return request.method, request.target, fields


_: type[Http1Codec] = H11Codec


@hookimpl
def tricorn_http() -> HttpProvider:
    """The codec, for the kernel's HTTP/1 connection."""
    return HttpProvider(codec=H11Codec)
