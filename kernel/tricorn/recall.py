"""What has been read before: lines of request heads, by their bytes.

Clients repeat themselves: the same request line, host, user agent and accept fields come again with every request of a
connection, and of others. A line that a codec has read, and that the kernel has compared with its bytes, is remembered;
a head that has only such lines is read by looking them up, at a fraction of the cost of any parser. Of other heads the
codec gets the request line and the fields that are new, in the form of a head.

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
        read_head: Callable[[bytes], tuple[bytes, bytes, Headers]],
        head: bytes,
        lines: list[bytes],
        known: list[Any],
    ) -> tuple[Request, Headers, bool]:
        """Have what is new in a head read by a codec, and remember it.

        read_head: of the codec. lines: the head's, the two empty ones at its end included. known: what is known of its
        fields, None for each that is new. Returns what the head says, and whether the codec said it: False where
        the strict grammar had to decide. Raises Refusal.
        """
        # A head without Host is none to some parsers.
        places = [place for place, field in enumerate(known) if field is None or field[0] == b"host"]
        new = [lines[place + 1] for place in places]
        if len(new) < len(known):
            head = b"\r\n".join([lines[0], *new, b"", b""])
        check_controls(head, len(new) + 2)
        try:
            method, target, headers = read_head(head)
        except ValueError:
            faithful = False
        else:
            minor = 0 if lines[0].endswith(b"0") else 1
            faithful = lines[0] == b"%b %b HTTP/1.%d" % (method, target, minor) and _agrees(headers, new)
        if faithful:
            for place, field in zip(places, headers, strict=True):
                known[place] = field
            headers = known
        else:
            method, target, minor, headers = read_strict(lines)
        request = method_name(method), target, minor, self._sections[minor]
        _remember(self._requests, lines[0], request)
        for place, line in zip(places, new, strict=True):
            _remember(self._fields, line, headers[place])
        return request, headers, faithful


def make_section(request: Request, headers: Headers, fields: dict[bytes, bytes]) -> Section:
    """Find what follows from the fields of a head, also given as a dict (`tricorn.heads.examine`). Raises Refusal."""
    method, target, minor, _ = request
    length, persistent, expects, protocol = examine(minor, headers, fields)
    head = Head(method, target, "1.1" if minor else "1.0", headers, protocol, expects, length == 0)
    return head, headers, length, persistent


def _agrees(headers: Headers, lines: list[bytes]) -> bool:
    """Whether a codec's account has each field line in its place, under its name, with its value."""
    if len(headers) != len(lines):
        return False
    for (name, value), line in zip(headers, lines, strict=True):
        size = len(name)
        if line[size : size + 1] != b":" or line[:size].lower() != name or line[size + 1 :].strip(b" \t") != value:
            return False
    return True


def _remember(memory: dict[bytes, T], line: bytes, meaning: T) -> None:
    if len(line) <= _LINE_SIZE:
        if len(memory) >= _LINES:
            memory.clear()
        memory[line] = meaning
