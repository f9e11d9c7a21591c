"""Frames on their way to the peer of a WebSocket: few writes, bounded pongs, and senders that wait for room."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from tricorn.api import Stream

if TYPE_CHECKING:
    from tricorn.kernel import Kernel

GATHER_LIMIT = 65536
"""Bytes of frames gathered into one write."""
LARGE_GATHER_LIMIT = 131072
"""Bytes of frames in pieces that leave in one write: two messages of 64 KiB."""
PIECE = 16384
"""Bytes that the pieces of one write have on average where it costs less to pass them one by one than to join them."""
PONG_LIMIT = 2048
"""Bytes of pongs kept while they cannot leave; above it only the latest stays (RFC 6455 section 5.5.3)."""


class ClientDisconnected(OSError):
    """Raised by `send` when the peer is gone."""


def check_text(data: object) -> None:
    """Raise TypeError for what is no text."""
    if not isinstance(data, str):
        raise TypeError("websocket.send needs a str as 'text' or bytes as 'bytes'.")


def check_bytes(data: object) -> None:
    """Raise TypeError for what is no bytes."""
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"The 'bytes' of websocket.send must be bytes, not {type(data).__name__}.")


class Outgoing:
    """The outgoing side of one WebSocket.

    gathered: frames not sent yet. busy: a message is being sent in parts.
    """

    __slots__ = (
        "_kernel",
        "_pongs",
        "_released",
        "_size",
        "_stream",
        "_waiters",
        "_waits_for_room",
        "busy",
        "gathered",
    )

    def __init__(self, kernel: Kernel, stream: Stream) -> None:
        self._kernel = kernel
        self._stream = stream
        self.gathered: list[bytes] = []
        self._size = 0
        self._pongs = b""
        self._waits_for_room = False
        self._waiters: list[asyncio.Future[None]] = []
        self._released = False
        self.busy = False

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

    def gather_pieces(self, pieces: tuple[bytes, bytes], more: bool) -> None:
        """The same for a frame whose payload is so large that it was not copied next to its head."""
        gathered = self.gathered
        first = not gathered
        gathered += pieces
        self._size += len(pieces[1])
        if not more or self._size > LARGE_GATHER_LIMIT:
            self.flush()
        elif first:
            self._kernel.at_turn_end(self.flush)

    def flush(self) -> None:
        """Send what was gathered."""
        gathered = self.gathered
        if gathered:
            size, self._size = self._size, 0
            self.gathered = []
            if self._released:
                return
            if size >= len(gathered) * PIECE:
                self._stream.send_pieces(gathered)
            else:
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

    async def send_large(self, frame: tuple[bytes, bytes] | Iterator[bytes], more: bool) -> bool:
        """Send a message of which the codec made more than one bytes object; whether that took turns of the loop."""
        if type(frame) is tuple:
            self.gather_pieces(frame, more)
            return False
        await self.send_parts(cast("Iterator[bytes]", frame))
        return True

    async def send_parts(self, parts: Iterator[bytes]) -> None:
        """Send a message part by part, with a turn of the loop between; others wait (`busy`) in `room`."""
        self.busy = True
        try:
            for part in parts:
                self.write(part)
                await (self._room(mine=True) if self._stream.congested else asyncio.sleep(0))
                if self._released:
                    break
        finally:
            if not self._released:
                for part in parts:  # cancelled, but what has been begun has to be completed
                    self.write(part)
            self.busy = False
            self._wake()

    async def room(self) -> None:
        """Return when a message can be sent, or none ever will (`release`)."""
        await self._room(mine=False)

    async def _room(self, mine: bool) -> None:
        while not self._released:
            blocked = self._stream.blocked()
            if blocked is None and (mine or not self.busy):
                return
            waiter = self._kernel.loop.create_future()
            self._waiters.append(waiter)
            awaited = [waiter] if blocked is None else [waiter, asyncio.ensure_future(blocked)]
            try:
                await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for future in awaited:
                    future.cancel()
                self._waiters.remove(waiter)

    def release(self) -> None:
        """Nothing more will be sent: let everybody go who waits for room."""
        self._released = True
        self._wake()

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
