"""What an HTTP/1 connection has to send and what may leave in one write: a system call costs more than all else.

Answers to pipelined requests wait for those behind them, as long as each turn of the loop brings another one. The
chunks of a streamed response wait for the end of the turn in which the application sent them. Nothing waits longer, and
no more than `GATHER_LIMIT` bytes do.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tricorn.kernel import Kernel

__all__ = ["GATHER_LIMIT", "LARGE", "Gathering"]

GATHER_LIMIT = 65536
"""Bytes that wait to leave together."""
LARGE = 65536
"""Bytes that are handed to the transport as they are: copying them next to others costs more."""
JOINED = 98304
"""Bytes that are copied next to each other all the same where each piece is a system call of its own. Memory for a few
more comes fresh from the system each time, and costs more than the call."""


FORGETFUL = (3, 12) <= sys.version_info < (3, 12, 9) or (3, 13) <= sys.version_info < (3, 13, 2)
"""Whether `writelines` of asyncio's own transport does not look at how much waits already, and never pauses who writes:
CVE-2024-12254."""


def _takes_lines(transport: type[asyncio.Transport]) -> bool:
    """Whether `writelines` of transports of this class writes each piece without a copy, as carefully as `write`."""
    # The base class joins all of them: before Python 3.12 asyncio's own transports know no better.
    if transport.writelines is asyncio.WriteTransport.writelines:
        return False
    return not FORGETFUL or not transport.__module__.startswith("asyncio.")


def _joined(pieces: Sequence[bytes]) -> Iterator[bytes]:
    """The pieces, with neighbours joined up to `JOINED` bytes."""
    group: list[bytes] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > JOINED and group:
            yield b"".join(group)
            group.clear()
            size = len(piece)
        group.append(piece)
    yield b"".join(group)


class Gathering(asyncio.Protocol):
    """The part of `Http1Stream` that decides when bytes are written.

    _gathered: what waits; None while no answer has to wait for another. _backlog: pipelined requests.
    """

    __slots__ = ("_backlog", "_gather_seen", "_gathered", "_gathered_size", "_kernel", "_transport", "_write")

    _transport: asyncio.Transport
    _write: Callable[[bytes], None]

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._backlog = b""
        self._gathered: list[bytes] | None = None
        self._gathered_size = 0
        self._gather_seen = 0

    def _gather(self, data: bytes, end: bool) -> None:
        """Let a complete answer wait for those behind it; anything else leaves with what has waited."""
        gathered = self._gathered
        assert gathered is not None
        gathered.append(data)
        self._gathered_size += len(data)
        if not end or self._gathered_size > GATHER_LIMIT:
            self._release()
        elif len(gathered) == 1:
            self._gather_seen = 0
            self._kernel.loop.call_soon(self._end_gather)

    def _gather_chunk(self, chunk: bytes) -> None:
        """Let the chunks of one turn of the loop leave together."""
        gathered = self._gathered
        if gathered:
            gathered.append(chunk)
            self._gathered_size += len(chunk)
            if self._gathered_size > GATHER_LIMIT:
                self._release()
            return
        self._gathered = [chunk]
        self._gathered_size = len(chunk)
        self._kernel.turn.at_end(self._release)

    def _end_gather(self) -> None:
        """Wait as long as each turn of the loop brings another answer."""
        if self._gathered:
            seen, self._gather_seen = self._gather_seen, len(self._gathered)
            if seen == self._gather_seen or not self._backlog:
                self._release()
            else:
                self._kernel.loop.call_soon(self._end_gather)

    def _write_pieces(self, *pieces: bytes) -> None:
        """Write what was gathered and several pieces, large ones among them: in one system call, without a copy."""
        self._release()
        transport = self._transport
        if _takes_lines(type(transport)):
            transport.writelines(pieces)
        else:
            for data in _joined(pieces):
                transport.write(data)

    def _release(self) -> None:
        """Write what has been gathered."""
        if self._gathered:
            self._write(b"".join(self._gathered))
            self._gathered.clear()
            self._gathered_size = 0
