"""Extensible priorities (RFC 9218): what a client wishes, and which of the streams with data is the next to send.

Lower urgencies go first. Among streams of one urgency, those that were asked for as non-incremental are sent one after
the other in the order of their numbers; the others, and those about which the client has said nothing, take turns.
"""

from __future__ import annotations

from typing import Generic, NamedTuple, Protocol, TypeVar


class Priority(NamedTuple):
    """urgency: 0 to 7, 0 first. takes_turns: is sent together with others of its urgency."""

    urgency: int = 3
    takes_turns: bool = True


DEFAULT = Priority()
_SIZE_LIMIT = 256
"""Bytes of a priority field that are looked at: two short parameters, and what later documents may define."""


def parse(value: bytes) -> Priority:
    """Read a priority field: a dictionary with `u` and `i` (RFC 9218 section 4); what it cannot read is ignored."""
    urgency, incremental = DEFAULT.urgency, False
    for member in value[:_SIZE_LIMIT].split(b","):
        member = member.partition(b";")[0].strip(b" \t")
        if len(member) == 3 and member[:2] == b"u=" and member[2:] in b"01234567":
            urgency = member[2] - 48
        elif member in (b"i", b"i=?1"):
            incremental = True
        elif member == b"i=?0":
            incremental = False
    return Priority(urgency, incremental)


class Prioritized(Protocol):
    """A stream, as far as the schedule looks at it."""

    id: int
    priority: Priority


S = TypeVar("S", bound=Prioritized)


class Schedule(Generic[S]):
    """The streams that have something to send and may, by urgency; each in the order in which it takes its turn."""

    __slots__ = ("_count", "_levels")

    def __init__(self) -> None:
        self._levels: tuple[dict[S, None], ...] = tuple({} for _ in range(8))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, stream: S) -> None:
        """Let a stream take its turn; it keeps the place that it has."""
        level = self._levels[stream.priority.urgency]
        if stream not in level:
            level[stream] = None
            self._count += 1

    def remove(self, stream: S) -> None:
        """Take a stream out, if it is in. Call it before the stream's priority changes."""
        level = self._levels[stream.priority.urgency]
        if stream in level:
            del level[stream]
            self._count -= 1

    def next(self) -> S:
        """The stream whose turn it is; there is one. It goes to the end of those that take turns."""
        for level in self._levels:
            if level:
                break
        stream = min(level, key=_rank)
        if stream.priority.takes_turns:
            del level[stream]
            level[stream] = None
        return stream


def _rank(stream: Prioritized) -> tuple[bool, int]:
    """Those in sequence before those in turn, which are in order already (`min` takes the first of equals)."""
    takes_turns = stream.priority.takes_turns
    return takes_turns, 0 if takes_turns else stream.id
