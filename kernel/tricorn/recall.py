"""What has been read before: lines of request heads, by their bytes.

Clients repeat themselves: the same request line, host, user agent and accept fields come again with every request of a
connection, and of others. A line that a codec has read, and that the kernel has compared with its bytes, is remembered;
a head that has only such lines is read by looking them up, at a fraction of the cost of any parser. A head with one
new line goes to the codec as a whole.

Both memories are bounded, in lines and in the size of a line, and start over when they are full: lines that never come
again cost little more than without them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from tricorn.api import Headers
from tricorn.heads import check_controls, method_name, read_strict

T = TypeVar("T")

Request = tuple[str, bytes, int]
"""Method, target and minor version of a request line."""

_LINES = 2048
_SIZE = 512
"""Bytes of a line worth remembering."""


class Recall:
    """The lines that one kernel knows.

    request, field: look one line up; None for what is not known.
    """

    __slots__ = ("_fields", "_requests", "field", "request")

    def __init__(self) -> None:
        self._requests: dict[bytes, Request] = {}
        self._fields: dict[bytes, tuple[bytes, bytes]] = {}
        self.request = self._requests.get
        self.field = self._fields.get

    def consult(
        self, read_head: Callable[[bytes], tuple[bytes, bytes, Headers]], head: bytes, lines: Sequence[bytes]
    ) -> tuple[Request, Headers, bool]:
        """Have a head read by a codec, and remember what is new in it.

        read_head: of the codec. lines: the head's, the two empty ones at its end included. Returns what the head says,
        and whether it is the codec's account: False where the strict grammar had to decide. Raises Refusal.
        """
        check_controls(head, len(lines) - 1)
        try:
            method, target, headers = read_head(head)
        except ValueError:
            faithful = False
        else:
            minor = 0 if lines[0].endswith(b"0") else 1
            faithful = lines[0] == b"%b %b HTTP/1.%d" % (method, target, minor) and _agrees(headers, lines)
        if not faithful:
            method, target, minor, headers = read_strict(lines)
        request = method_name(method), target, minor
        _remember(self._requests, lines[0], request)
        for line, header in zip(lines[1:-2], headers, strict=True):
            _remember(self._fields, line, header)
        return request, headers, faithful


def _agrees(headers: Headers, lines: Sequence[bytes]) -> bool:
    """Whether a codec's account has each field of the head in its place, under its name, with its value."""
    if len(headers) != len(lines) - 3:
        return False
    for (name, value), line in zip(headers, lines[1:-2], strict=True):
        size = len(name)
        if line[size : size + 1] != b":" or line[:size].lower() != name or line[size + 1 :].strip(b" \t") != value:
            return False
    return True


def _remember(memory: dict[bytes, T], line: bytes, meaning: T) -> None:
    if len(line) <= _SIZE:
        if len(memory) >= _LINES:
            memory.clear()
        memory[line] = meaning
