"""Response fields: validated once for each distinct name and value, and rendered once in the form a protocol sends.

An application repeats itself: the same content type, the same cache control, on every response. A table remembers what
it has validated together with the rendering, so that the usual response costs one dictionary look-up for each field,
and one in all when the same fields have come before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""RFC 9110 section 5.6.2."""
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
"""RFC 9110 section 5.5, white space at the ends included: a client strips it."""
_DIGITS = re.compile(rb"[0-9]{1,19}")

DATE, SERVER, CLOSE, FRAMED = 1, 2, 4, 8
"""Flags of a response head: the application sent its own Date or Server; the connection is to close after it; the head
says where the body ends, by a content-length or because the status or the method has none."""

_CACHE_LIMIT = 1024
"""Distinct fields kept. Values such as ETags differ every time; a full table starts over instead of growing."""
_HEADS_LIMIT = 256
"""Distinct heads kept."""
_HEAD_FIELDS = 64
"""Fields of a head worth keeping."""
_VALUE_LIMIT = 256
"""Bytes of a value worth keeping: longer ones (cookies, policies) are rendered again each time."""
_FLAGS = {b"date": DATE, b"server": SERVER}
_DROPPED = frozenset((b"transfer-encoding", b"connection", b"keep-alive", b"proxy-connection", b"upgrade"))
"""Fields of the connection, not of the response (RFC 9110 section 7.6.1): the protocol writes its own."""


class FieldTable(Generic[T]):
    """Validates an application's response fields and renders them for one protocol.

    render_field: makes what the protocol sends for one field from its lower-case name and its value.
    """

    __slots__ = ("_heads", "_known", "_lengths", "_render_field")

    def __init__(self, render_field: Callable[[bytes, bytes], T]) -> None:
        self._render_field = render_field
        self._heads: dict[Any, tuple[list[T], int | None, int]] = {}
        self._known: dict[tuple[bytes, bytes], T] = {}
        self._lengths: dict[Any, tuple[int, T]] = {}  # by the application's field, and by the number

    def render(self, headers: Iterable[Any]) -> tuple[list[T], int | None, int]:
        """Return the rendered fields, the declared Content-Length if any, and the flags.

        Raises ValueError for what must not reach the wire: a name that is no token, CR, LF, NUL or another control
        character in a value, two lengths or an invalid one; TypeError for what is not bytes.
        """
        fields = tuple(headers)
        try:
            head = self._heads.get(fields)
            if head is None:
                return self._render_each(fields)
        except TypeError:
            # A list or a bytearray cannot be looked up; a str is an error, and raises again.
            return self._render_each([(as_bytes(name), as_bytes(value)) for name, value in fields])
        rendered, length, flags = head
        return rendered.copy(), length, flags

    def _render_each(self, headers: Sequence[Any]) -> tuple[list[T], int | None, int]:
        """Render fields one by one; all of them together are remembered when each has come before."""
        rendered: list[T] = []
        length: int | None = None
        flags = 0
        repeated = len(headers) <= _HEAD_FIELDS
        for header in headers:
            field = self._known.get(header)
            if field is None:
                declared = self._lengths.get(header)
                if declared is None:
                    repeated = False
                    declared = self._declared(header[0], header[1])
                    if declared is None:
                        flags |= self._examine(header[0], header[1], rendered)
                        continue
                if length is not None:
                    raise ValueError("Duplicate content-length header.")
                length, field = declared
                flags |= FRAMED
            rendered.append(field)
        if repeated:
            if len(self._heads) >= _HEADS_LIMIT:
                self._heads.clear()
            # A memoryview can be looked up, but its bytes may change.
            self._heads[tuple((bytes(name), bytes(value)) for name, value in headers)] = rendered.copy(), length, flags
        return rendered, length, flags

    def length(self, length: int) -> T:
        """The rendering of `Content-Length: length`."""
        declared = self._lengths.get(length)
        if declared is None:
            declared = self._remember_length(length, length)
        return declared[1]

    def _declared(self, name: Any, value: Any) -> tuple[int, T] | None:
        """The length that a field declares, if it is the one that does."""
        if len(name) != 14 or as_bytes(name).lower() != b"content-length":
            return None
        if _DIGITS.fullmatch(as_bytes(value)) is None or (length := int(value)) >= 1 << 63:
            raise ValueError("Invalid content-length header.")
        return self._remember_length((name, value), length)

    def _remember_length(self, key: Any, length: int) -> tuple[int, T]:
        if len(self._lengths) >= _CACHE_LIMIT:
            self._lengths.clear()
        declared = self._lengths[key] = length, self._render_field(b"content-length", b"%d" % length)
        return declared

    def _examine(self, name: Any, value: Any, rendered: list[T]) -> int:
        """Validate and render a field that the table does not know, and remember it; return its flag or 0."""
        name, value = as_bytes(name), as_bytes(value)
        lower = name.lower()
        if TOKEN.fullmatch(name) is None:
            raise ValueError("Invalid HTTP header name.")
        if _VALUE.fullmatch(value) is None:
            raise ValueError("Invalid HTTP header value.")
        if lower in _DROPPED:
            closes = lower == b"connection" and b"close" in [token.strip() for token in value.lower().split(b",")]
            return CLOSE if closes else 0
        field = self._render_field(lower, value)
        rendered.append(field)
        if lower in _FLAGS:
            return _FLAGS[lower]
        if len(value) <= _VALUE_LIMIT:
            if len(self._known) >= _CACHE_LIMIT:
                self._known.clear()
            self._known[name, value] = field
        return 0


def as_bytes(value: Any, what: str = "HTTP header names and values") -> bytes:
    """The bytes of what an application sent as bytes, bytearray or memoryview. Raises TypeError, which says `what`."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise TypeError(f"{what} must be bytes, not {type(value).__name__}.")
