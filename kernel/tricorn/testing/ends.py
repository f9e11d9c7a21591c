"""Both ends of a connection for checks of loops: a transport of the loop under test, and a blocking socket.

The client blocks in a thread, so that a mistake of the loop cannot hide behind the same mistake on the other side.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

DEADLINE = 30.0
"""Seconds after which a check that waits for an event fails; on a working loop all of them take a moment."""

CHUNK = b"0123456789abcdef" * 4096
"""64 KiB, of which the receiver can tell whether a part is missing or out of order."""


class Recorder(asyncio.Protocol):
    """Notes what the transport says, and lets a check wait for it. `keep_open` is what `eof_received` returns."""

    transport: asyncio.Transport

    def __init__(self, keep_open: bool = False) -> None:
        self.keep_open = keep_open
        self.received = bytearray()
        self.connected = self.eof = self.lost = self.paused = False
        self.on_data: Callable[[bytes], None] | None = None
        self._changed = asyncio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return as soon as an event has made the condition true."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the transport."""
        self.transport = cast("asyncio.Transport", transport)
        self.connected = True
        self._changed.set()

    def data_received(self, data: bytes) -> None:
        """Called by the transport."""
        self.received += data
        self._changed.set()
        if self.on_data is not None:
            self.on_data(data)

    def eof_received(self) -> bool:
        """Called by the transport."""
        self.eof = True
        self._changed.set()
        return self.keep_open

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the transport."""
        self.lost = True
        self._changed.set()

    def pause_writing(self) -> None:
        """Called by the transport."""
        self.paused = True
        self._changed.set()

    def resume_writing(self) -> None:
        """Called by the transport."""
        self.paused = False
        self._changed.set()


def listen() -> socket.socket:
    """A socket on a free port of the loopback interface."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    return listening


@asynccontextmanager
async def connection(
    listening: socket.socket | None = None, *, keep_open: bool = False, close_server: bool = False
) -> AsyncIterator[tuple[Recorder, socket.socket]]:
    """A protocol on the loop under test, and the blocking socket it is connected to; both are gone at the end.

    listening: what to accept the connection from. close_server: accept no other.
    """
    loop = asyncio.get_running_loop()
    listening = listening or listen()
    protocol = Recorder(keep_open)
    async with AsyncExitStack() as stack:
        server = await loop.create_server(lambda: protocol, sock=listening, backlog=16)
        stack.callback(server.close)
        client = stack.enter_context(socket.socket(listening.family))
        client.settimeout(DEADLINE)
        await in_thread(client.connect, listening.getsockname())
        await protocol.until(lambda: protocol.connected)
        if close_server:
            server.close()
            # Some loops close the listening socket in a later turn only.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        yield protocol, client
        protocol.transport.abort()
        await protocol.until(lambda: protocol.lost)


async def in_thread(call: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a blocking call."""
    return await asyncio.get_running_loop().run_in_executor(None, call, *arguments)


async def receive_all(client: socket.socket) -> bytes:
    """What the client gets until the end of its input."""

    def read() -> bytes:
        received = bytearray()
        while data := client.recv(1 << 18):
            received += data
        return bytes(received)

    return cast("bytes", await in_thread(read))


async def exchange(server: Recorder, client: socket.socket) -> None:
    """Some bytes in both directions."""
    before = len(server.received)
    await in_thread(client.sendall, b"ping")
    await server.until(lambda: len(server.received) == before + 4)
    server.transport.write(b"pong")
    assert await in_thread(client.recv, 4) == b"pong"
