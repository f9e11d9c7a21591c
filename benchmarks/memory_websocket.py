"""A WebSocket client in memory (see `benchmarks.memory`): echoes, `depth` of them on each connection at a time.

All connections are open before the first message, however few messages there are: what handshakes cost is in no
difference of two counts.
"""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

from benchmarks.loads.frames import Counter, deflated, frame, reply_length, text
from benchmarks.loads.websocket import MESSAGES, OFFER, REQUEST
from benchmarks.memory import MemoryClient, MemoryTransport

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

WINDOW_BITS = 9
"""What the compressed messages are made with: no server asks for a smaller window."""


class CountingTransport(MemoryTransport):
    """Counts the messages of what is written, whose lengths depend on those before them; `expected` is a number of
    them."""

    __slots__ = ("_count",)

    def __init__(self, client: MemoryClient, expected: int) -> None:
        super().__init__(client, expected)
        self._count = Counter().count

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Count the heads of frames."""
        if not self.expected:
            super().write(data)
            return
        self.got += self._count(bytes(data))
        if self.got >= self.expected:
            self.got -= self.expected
            self._client.answered(self)


class WebSocketClient(MemoryClient):
    """Sends text messages of `size` bytes, compressed ones or not; each is to be answered by an echo."""

    def __init__(
        self, protocol: Callable[[], asyncio.Protocol], size: int, depth: int, connections: int, compressed: bool
    ) -> None:
        self._compressed = compressed
        self._handshake = REQUEST + (OFFER if compressed else b"") + b"\r\n"
        frames = [self._frame(text(size, number)) for number in range(MESSAGES)]
        super().__init__(protocol, frames[0], depth, connections)
        self.length = reply_length(size)
        batches = [b"".join(frames[(start + i) % MESSAGES] for i in range(depth)) for start in range(MESSAGES)]
        self._request = cycle(batches).__next__

    def _frame(self, payload: bytes) -> bytes:
        return frame(deflated(payload, WINDOW_BITS) if self._compressed else payload, 0x1, self._compressed)

    async def _connect(self) -> list[MemoryTransport]:
        """All connections, with their handshakes done."""
        kind = CountingTransport if self._compressed else MemoryTransport
        transports = [kind(self, 0) for _ in range(self._connections)]
        for transport in transports:
            opened = self.expect_one()
            transport.open(self._protocol())
            transport.deliver(self._handshake)
            await opened
            transport.got = 0
            transport.expected = self._depth * (1 if self._compressed else self.length)
        return transports

    def learn(self, transport: MemoryTransport) -> None:
        """The answer to a handshake."""
        head, mark, rest = transport.first.partition(b"\r\n\r\n")
        if not mark:
            return
        compressed = b"permessage-deflate" in head.lower()
        if not head.startswith(b"HTTP/1.1 101") or rest or compressed != self._compressed:
            self.fail(f"unexpected answer to a handshake: {head[:60]!r}")
        else:
            self._done.set_result(None)
