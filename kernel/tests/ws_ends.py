"""Both ends of a WebSocket for tests: the application's side as the test itself, and a client that sends raw bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tricorn.registry import Registry
from tricorn.testing import calls as in_memory
from tricorn.testing import serve
from tricorn.testing.memory import MemoryTransport
from tricorn.testing.memory_server import MemoryServer, memory_server
from tricorn.testing.strict import STRICT
from tricorn.testing.ws_peer import TEXT, frame, parse

DEADLINE = 30.0
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="


async def until(condition: Callable[[], object]) -> None:
    """Return when something has come about that nobody announces."""
    for _ in iter(lambda: bool(condition()), True):
        await asyncio.sleep(0.001)


class Call:
    """One application call, whose `receive` and `send` the test uses itself; `finish` lets it return or raise."""

    def __init__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self.scope = scope
        self._receive = receive
        self.send = send
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def receive(self) -> dict[str, Any]:
        return await asyncio.wait_for(self._receive(), DEADLINE)

    async def accept(self, **event: Any) -> None:
        assert await self.receive() == {"type": "websocket.connect"}
        await self.send({"type": "websocket.accept", **event})

    async def text(self, text: str) -> None:
        await self.send({"type": "websocket.send", "text": text})

    def finish(self, error: BaseException | None = None) -> None:
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


class Calls:
    """An application whose calls the test takes one by one."""

    def __init__(self) -> None:
        self._calls: asyncio.Queue[Call] = asyncio.Queue()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        call = Call(scope, receive, send)
        self._calls.put_nowait(call)
        await call.done

    async def next(self) -> Call:
        return await asyncio.wait_for(self._calls.get(), DEADLINE)


class Client:
    """A raw client: bytes out, frames in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._frames: list[tuple[int, bytes]] = []
        self._data = b""

    async def head(self) -> bytes:
        """The head of the response."""
        return await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), DEADLINE)

    def write(self, *frames: bytes) -> None:
        self.writer.write(b"".join(frames))

    async def rest(self) -> bytes:
        """All bytes until the server closes."""
        return await asyncio.wait_for(self.reader.read(), DEADLINE)

    async def frames(self) -> list[tuple[int, bytes]]:
        """All frames until the server closes, as (opcode, payload)."""
        return [(opcode, payload) for _, opcode, payload in parse(await self.rest())]

    async def frame(self) -> tuple[int, bytes]:
        """The next frame of up to 64 KiB."""
        head = await asyncio.wait_for(self.reader.readexactly(2), DEADLINE)
        size = head[1]
        if size == 126:
            size = int.from_bytes(await self.reader.readexactly(2), "big")
        return head[0] & 15, await asyncio.wait_for(self.reader.readexactly(size), DEADLINE)

    async def text(self, text: str) -> None:
        self.write(frame(TEXT, text.encode()))
        await self.writer.drain()


def handshake(path: str = "/", *fields: str, key: bytes = KEY, version: str = "13") -> bytes:
    """The request of a client."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key.decode()}",
        f"Sec-WebSocket-Version: {version}",
        *fields,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


@asynccontextmanager
async def connect(url: str, data: bytes = b"") -> AsyncIterator[Client]:
    """A raw client, which has sent the data."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 26)
    writer.write(data)
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


@asynccontextmanager
async def opened(ws: str = "frames", head: bytes = b"", **options: Any) -> AsyncIterator[tuple[Call, Client]]:
    """An accepted WebSocket: the application's call and the client."""
    calls = Calls()
    async with serving(calls, ws=ws, **options) as url, connect(url, head or handshake()) as client:
        call = await calls.next()
        await call.accept()
        assert (await client.head()).startswith(b"HTTP/1.1 101 ")
        yield call, client
        if not call.done.done():
            call.finish()


@asynccontextmanager
async def serving(app: Any, **options: Any) -> AsyncIterator[str]:
    """A server for WebSockets, without a lifespan."""
    async with serve(app, lifespan="off", **options) as url:
        yield url


class MemoryEnds:
    """Both ends of an accepted WebSocket in memory: the application's call, and the client's transport."""

    def __init__(
        self, server: MemoryServer, call: in_memory.Call, transport: MemoryTransport, received: bytearray
    ) -> None:
        self.server = server
        self.call = call
        self.transport = transport
        self._received = received

    @property
    def session(self) -> Any:
        """The kernel's machine."""
        [session] = self.server.kernel.calls
        return session

    @property
    def frames(self) -> list[tuple[int, bytes]]:
        """What the client has been sent behind the head, as (opcode, payload)."""
        _, _, data = bytes(self._received).partition(b"\r\n\r\n")
        return [(opcode, payload) for _, opcode, payload in parse(data)]


@asynccontextmanager
async def opened_in_memory(ws: str = "frames", **options: Any) -> AsyncIterator[MemoryEnds]:
    """An accepted WebSocket without sockets, for tests that move the clock or say in which reads bytes arrive."""
    calls = in_memory.Calls()
    async with memory_server(calls.app, STRICT, ws=Registry().load("ws", ws).provider, **options) as server:
        received = bytearray()
        transport = server.connect(received.extend, lambda _: None)
        transport.client_send(handshake())
        call = await calls()
        await call.receive()
        await call.send({"type": "websocket.accept"})
        yield MemoryEnds(server, call, transport, received)
        calls.release()
