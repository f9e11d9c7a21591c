"""A client in memory: it drives the protocol object of a connection through a transport without a socket.

What is left is what a server itself costs in user space, the event loop included: no system call of the network, no
client and no noise of a shared machine. The client answers every complete response with its next request in the next
turn of the loop, on all connections, as a closed-loop client does over sockets.
"""

from __future__ import annotations

import asyncio
import itertools
from itertools import repeat
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class MemoryTransport(asyncio.Transport):
    """The server's end of a connection; it counts what is written and keeps only the first answer.

    `expected` is how many bytes answer what was delivered; 0 while that is not known.
    """

    __slots__ = ("_client", "_closing", "_protocol", "deliver", "expected", "first", "got")

    def __init__(self, client: MemoryClient, expected: int) -> None:
        super().__init__({"peername": ("127.0.0.1", 40_000), "sockname": ("127.0.0.1", 8000)})
        self._client = client
        self._closing = False
        self.expected = expected
        self.got = 0
        self.first = b""

    def open(self, protocol: asyncio.Protocol) -> None:
        """Make the connection known to the server."""
        self.set_protocol(protocol)
        protocol.connection_made(self)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Deliver to `protocol` from here on."""
        self._protocol = protocol
        # A compiled one is a protocol by its methods only.
        self.deliver = cast("asyncio.Protocol", protocol).data_received

    def get_protocol(self) -> asyncio.BaseProtocol:
        """What `set_protocol` took."""
        return self._protocol

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Count; the whole answer makes the client act."""
        self.got += len(data)
        if not self.expected:
            self.first += data
            self._client.learn(self)
        elif self.got >= self.expected:
            self.got -= self.expected
            self._client.answered(self)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview[Any]]) -> None:
        """As one write for each: joining them would not be the server's work."""
        for data in list_of_data:
            self.write(data)

    def close(self) -> None:
        """The server wants to close."""
        self._closing = True
        self._client.closed(self)

    abort = close

    def is_closing(self) -> bool:
        """Whether `close` was called."""
        return self._closing

    def get_write_buffer_size(self) -> int:
        """Nothing is ever kept."""
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is ever kept, so nothing is limited."""

    def pause_reading(self) -> None:
        """A client in memory sends only when it was answered."""

    def resume_reading(self) -> None:
        """See `pause_reading`."""


class MemoryClient:
    """Sends `request`, `depth` of it at once, on `connections` connections in turns."""

    def __init__(self, protocol: Callable[[], asyncio.Protocol], request: bytes, depth: int, connections: int) -> None:
        self._protocol = protocol
        self._request: Callable[[], bytes] = repeat(request * depth).__next__
        self._one = request
        self._depth = depth
        self._connections = connections
        self._left = 0
        self._active = 0
        self.length = 0

    def vary(self, places: int) -> None:
        """Put another number in so many places of the request each time (`%d`), so that no two are the same."""
        request = self._one
        requests = (request % ((number,) * places) for number in itertools.count(1_000_000))
        self._one = next(requests)
        self._request = requests.__next__

    async def run(self, count: int) -> None:
        """Send about `count` requests, rounded up to full batches, and return when all are answered.

        Raises RuntimeError when the server closes a connection or its answer has no content-length.
        """
        self._call_soon = asyncio.get_running_loop().call_soon
        self._left = -(-count // self._depth)
        self._active = min(self._connections, self._left)
        self._left -= self._active
        transports = await self._connect()
        done = self.expect_one()
        for transport in transports[: self._active]:
            self._call_soon(transport.deliver, self._request())
        await done

    async def _connect(self) -> list[MemoryTransport]:
        """The connections that are needed, once the length of an answer is known."""
        answered = self.expect_one()
        transport = MemoryTransport(self, 0)
        transport.open(self._protocol())
        transport.deliver(self._one)
        await answered
        transports = [MemoryTransport(self, self.length * self._depth) for _ in range(self._active)]
        for transport in transports:
            transport.open(self._protocol())
        return transports

    def expect_one(self) -> asyncio.Future[None]:
        """Wait for one answer to what somebody else delivers; the future is done when it is whole."""
        self._done = asyncio.get_running_loop().create_future()
        return self._done

    def learn(self, transport: MemoryTransport) -> None:
        """Find the length of an answer from the first one; every other has the same."""
        head, mark, body = transport.first.partition(b"\r\n\r\n")
        if not mark:
            return
        lengths = [line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        if not head.startswith(b"HTTP/1.1 200") or not lengths:
            self.fail(f"unexpected answer: {head[:60]!r}")
        elif len(body) == int(lengths[0]):
            self.length = len(transport.first)
            self._done.set_result(None)

    def answered(self, transport: MemoryTransport) -> None:
        """Send the next requests, or finish."""
        if self._left:
            self._left -= 1
            self._call_soon(transport.deliver, self._request())
            return
        self._active -= 1
        if not self._active:
            self._done.set_result(None)

    def closed(self, transport: MemoryTransport) -> None:
        """End the run: nothing in most loads asks a server to close."""
        self.fail("the server closed a connection")

    def fail(self, reason: str) -> None:
        """End the run with RuntimeError."""
        if not self._done.done():
            self._done.set_exception(RuntimeError(reason))


class ClosingTransport(MemoryTransport):
    """The server's end of a connection that it closes once it has answered."""

    __slots__ = ()

    def close(self) -> None:
        """Tell the server, in the next turn of the loop, that the connection is gone."""
        if not self._closing:
            self._closing = True
            self._client.closed(self)

    abort = close

    def lose(self) -> None:
        """What a loop does when it has closed a socket."""
        self._protocol.connection_lost(None)


class ConnectionClient(MemoryClient):
    """Sends every request on a connection of its own, so many of them at a time; the server closes them."""

    async def run(self, count: int) -> None:
        """Send `count` requests, and return when all connections are closed. Raises RuntimeError as others do."""
        self._call_soon = asyncio.get_running_loop().call_soon
        done = self.expect_one()
        self._active = min(self._connections, count)
        self._left = count - self._active
        for _ in range(self._active):
            self._call_soon(self._open)
        await done

    def _open(self) -> None:
        transport = ClosingTransport(self, 0)
        transport.open(self._protocol())
        transport.deliver(self._request())

    def learn(self, transport: MemoryTransport) -> None:
        """An answer is as long as it comes."""

    def closed(self, transport: MemoryTransport) -> None:
        """Open the next connection, or finish."""
        if not transport.first.startswith(b"HTTP/1.1 200"):
            self.fail(f"unexpected answer: {transport.first[:60]!r}")
        self._call_soon(cast("ClosingTransport", transport).lose)
        if self._left:
            self._left -= 1
            self._call_soon(self._open)
            return
        self._active -= 1
        if not self._active and not self._done.done():
            self._call_soon(self._done.set_result, None)
