"""What has been read before: lines of request heads, by their bytes.

Clients repeat themselves: the same request line, host, user agent and accept fields come again with every request of a
connection, and of others. A line that has been read is remembered; a head that has only such lines is read by looking
them up, at a fraction of the cost of any parser. Of other heads the request line and the fields that are new are read,
in the form of a head.

When all field lines of a head were known, they have come before, and will come again: all of them together are
remembered as a section, with what follows from them. Such a head takes two look-ups, however many fields it has. A
field that is new each time, like a request's number, makes no sections.

All memories are bounded, in entries and in their size, and start over when they are full: lines that never come again
cost little more than without them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from tricorn.api import Head, Headers
from tricorn.heads import check_controls, examine, method_name, read_strict

T = TypeVar("T")

Section = tuple[Head, Headers, int, bool]
"""The field lines of a head: a head that has all but method, target and its own list of the fields; the fields; the
length of the body or `CHUNKED_BODY`; whether the connection persists."""

Request = tuple[str, bytes, int, dict[bytes, Section]]
"""A request line: its method, target and minor version, and the sections known of that version, by their bytes."""

UNKNOWN: Request = "", b"", 1, {}

_LINES = 2048
_LINE_SIZE = 512
"""Bytes of a line worth remembering."""
_SECTIONS = 256
_SECTION_SIZE = 2048
"""Bytes of a section worth remembering."""


class Recall:
    """The lines that one kernel knows.

    largest: bytes of a head that is within every limit. A known line and a known section make no larger one, so that
    nothing has to be checked of both together.

    request, field: look one line up; None, or a default, for what is not known.
    """

    __slots__ = ("_fields", "_requests", "_section_size", "_sections", "field", "request")

    def __init__(self, largest: int) -> None:
        self._requests: dict[bytes, Request] = {}
        self._fields: dict[bytes, tuple[bytes, bytes]] = {}
        self._sections: tuple[dict[bytes, Section], dict[bytes, Section]] = {}, {}
        self._section_size = min(_SECTION_SIZE, largest - _LINE_SIZE - 2)
        self.request = self._requests.get
        self.field = self._fields.get

    def keep(self, sections: dict[bytes, Section], block: bytes, section: Section) -> None:
        """Remember a section by its bytes, among those of the same version."""
        if len(block) <= self._section_size:
            if len(sections) >= _SECTIONS:
                sections.clear()
            sections[block] = section

    def consult(
        self,
        read_head: Callable[[bytes], tuple[bytes, bytes, Headers]] | None,
        head: bytes,
        lines: list[bytes],
        known: list[Any],
    ) -> tuple[Request, Headers, bool]:
        """Read what is new in a head, have a codec read it too, and remember it.

        read_head: of the codec; None for one that is the strict grammar itself. lines: the head's, the two empty ones
        at its end included. known: what is known of its fields, None for each that is new. Returns what the head says,
        and whether the codec said the same. Raises Refusal.
        """
        # A head without Host is none to some parsers.
        host = b"host" if read_head is not None else b""
        places = [place for place, field in enumerate(known) if field is None or field[0] == host]
        if len(places) < len(known):
            lines = [lines[0], *[lines[place + 1] for place in places], b"", b""]
            head = b"\r\n".join(lines)
        check_controls(head, len(lines) - 1)
        method, target, minor, headers = read_strict(lines)
        faithful = read_head is None or _says(read_head, head, (method, target, headers))
        request = method_name(method), target, minor, self._sections[minor]
        _remember(self._requests, lines[0], request)
        for place, line, field in zip(places, lines[1:-2], headers, strict=True):
            if known[place] is None:
                known[place] = field
                _remember(self._fields, line, field)
        return request, known, faithful


def make_section(request: Request, headers: Headers, fields: dict[bytes, bytes]) -> Section:
    """Find what follows from the fields of a head, also given as a dict (`tricorn.heads.examine`). Raises Refusal."""
    method, target, minor, _ = request
    length, persistent, expects, protocol = examine(minor, headers, fields)
    head = Head(method, target, "1.1" if minor else "1.0", headers, protocol, expects, length == 0)
    return head, headers, length, persistent


def _says(
    read_head: Callable[[bytes], tuple[bytes, bytes, Headers]], head: bytes, meaning: tuple[bytes, bytes, Headers]
) -> bool:
    """Whether a codec finds this meaning in a head: its method, its target and its fields."""
    try:
        return read_head(head) == meaning
    except ValueError:
        return False


def _remember(memory: dict[bytes, T], line: bytes, meaning: T) -> None:
    if len(line) <= _LINE_SIZE:
        if len(memory) >= _LINES:
            memory.clear()
        memory[line] = meaning
