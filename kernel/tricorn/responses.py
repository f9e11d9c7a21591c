"""Status lines, and the short answers that the server gives on its own account."""

from __future__ import annotations

import time
from http import HTTPStatus

from tricorn.api import Refusal

_PHRASES = {status.value: status.phrase for status in HTTPStatus}

STATUS_LINES = {
    status: f"HTTP/1.1 {status} {_PHRASES.get(status, '')}\r\n".encode("ascii") for status in range(100, 600)
}
"""Every status line; unknown codes have an empty phrase, whose space stays (RFC 9112 section 4)."""


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date(seconds: int) -> bytes:
    """Seconds since the epoch as the field Date has them (RFC 9110 section 5.6.7).

    Not by `email.utils`, whose import is a twentieth of what a server takes to start.
    """
    year, month, day, hour, minute, second, weekday = time.gmtime(seconds)[:7]
    text = f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year:04} {hour:02}:{minute:02}:{second:02} GMT"
    return text.encode("ascii")


def refusal_body(refusal: Refusal) -> bytes:
    """The fixed body of a refusal: nothing of the request is echoed."""
    if refusal.status == 400:
        return b"Invalid HTTP request received."
    return _PHRASES.get(refusal.status, "").encode("ascii")


def refusal_response(refusal: Refusal, default_fields: bytes) -> bytes:
    """The whole answer of HTTP/1 to a refused request, which closes the connection."""
    body = refusal_body(refusal)
    fields = b"".join(b"%b: %b\r\n" % field for field in refusal.headers)
    return b"%b%b%bcontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (
        STATUS_LINES[refusal.status],
        default_fields,
        fields,
        len(body),
        body,
    )


size_lines: dict[int, bytes] = {}
"""Size lines of chunks: whoever streams sends chunks of few sizes."""


def size_line(size: int) -> bytes:
    """The size line of a chunk (RFC 9112 section 7.1), remembered."""
    if len(size_lines) >= 256:
        size_lines.clear()
    line = size_lines[size] = b"%x\r\n" % size
    return line
