"""Frames on their way to the peer of a WebSocket: few writes, bounded pongs, and senders that wait for room."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tricorn.api import Stream

if TYPE_CHECKING:
    from tricorn.kernel import Kernel

GATHER_LIMIT = 65536
"""Bytes of frames gathered into one write."""
PONG_LIMIT = 2048
"""Bytes of pongs kept while they cannot leave; above it only the latest stays (RFC 6455 section 5.5.3)."""


class Outgoing:
    """The outgoing side of one WebSocket. `gathered` are frames not sent yet."""

    __slots__ = ("_kernel", "_pongs", "_released", "_size", "_stream", "_waiters", "_waits_for_room", "gathered")

    def __init__(self, kernel: Kernel, stream: Stream) -> None:
        self._kernel = kernel
        self._stream = stream
        self.gathered: list[bytes] = []
        self._size = 0
        self._pongs = b""
        self._waits_for_room = False
        self._waiters: list[asyncio.Future[None]] = []
        self._released = False

    def write(self, frame: bytes) -> None:
        """Send a frame now, behind those that were gathered."""
        if self.gathered:
            self.gather(frame, False)
        else:
            self._stream.send_data(frame, False)

    def gather(self, frame: bytes, more: bool) -> None:
        """Send a frame together with others: at the end of the loop's turn at the latest, now where no more follow."""
        gathered = self.gathered
        gathered.append(frame)
        self._size += len(frame)
        if not more or self._size > GATHER_LIMIT:
            self.flush()
        elif len(gathered) == 1:
            self._kernel.at_turn_end(self.flush)

    def flush(self) -> None:
        """Send what was gathered."""
        gathered = self.gathered
        if gathered:
            self.gathered = []
            self._size = 0
            if not self._released:
                self._stream.send_data(b"".join(gathered), False)

    def add_pong(self, pong: bytes) -> None:
        """Keep the answer to a ping for `send_pongs`. A peer that does not read cannot make us store more and more."""
        self._pongs = self._pongs + pong if len(self._pongs) < PONG_LIMIT else pong

    def send_pongs(self) -> None:
        """Send the pongs, as soon as there is room."""
        if self._waits_for_room:
            return
        blocked = self._stream.blocked()
        if blocked is None:
            pongs, self._pongs = self._pongs, b""
            self.write(pongs)
        else:
            self._waits_for_room = True
            asyncio.ensure_future(blocked).add_done_callback(self._room_for_pongs)

    def _room_for_pongs(self, _: asyncio.Future[None]) -> None:
        self._waits_for_room = False
        if not self._released:
            self.send_pongs()

    async def room(self) -> None:
        """Return when the stream takes more, or never will (`release`)."""
        blocked = self._stream.blocked()
        while blocked is not None and not self._released:
            waiter = self._kernel.loop.create_future()
            self._waiters.append(waiter)
            room = asyncio.ensure_future(blocked)
            try:
                await asyncio.wait((room, waiter), return_when=asyncio.FIRST_COMPLETED)
            finally:
                room.cancel()
                self._waiters.remove(waiter)
            blocked = self._stream.blocked()

    def release(self) -> None:
        """Nothing more will be sent: let everybody go who waits for room."""
        self._released = True
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
