"""With several HTTP plugins, each connection gets to the one whose it is; with one, nothing stands in between."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from tricorn.api import HttpProvider, Kernel
from tricorn.http1 import Http1Connection
from tricorn.negotiation import Negotiation, protocol_factory
from tricorn.registry import Registry
from tricorn.testing.memory import MemoryTransport
from tricorn.testing.memory_server import MemoryServer, memory_server, run_in_memory

MAGIC = b"MAGIC/3\r\n"


class Recorder(asyncio.Protocol):
    """A protocol of its own that notes what it is told."""

    made: list[Recorder]

    def __init__(self, kernel: Kernel) -> None:
        self.received = b""
        self.made.append(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


@pytest.fixture
def magic() -> HttpProvider:
    Recorder.made = []
    return HttpProvider(connection=Recorder, alpn=("magic", "magic-draft"), preface=MAGIC)


@pytest.fixture
def http1() -> HttpProvider:
    provider: HttpProvider = Registry().load("http", "h11").provider
    return provider


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"by HTTP/1.1"})


class Ends:
    """The client's end of a connection."""

    def __init__(self, server: MemoryServer) -> None:
        self.received = b""
        self.closed = False
        self.transport = server.connect(self.on_data, self.on_end)

    def on_data(self, data: bytes) -> None:
        self.received += data

    def on_end(self, reset: bool) -> None:
        self.closed = True


def test_one_plugin_makes_its_connections_itself(magic: HttpProvider, http1: HttpProvider) -> None:
    async def check() -> None:
        async with memory_server(app, http1) as server:
            assert type(server.kernel.protocol()) is Http1Connection
            assert type(protocol_factory(server.kernel, [magic])()) is Recorder
            assert type(protocol_factory(server.kernel, [magic, http1])()) is Negotiation

    run_in_memory(check())


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("size", [1, 4, 100])
async def test_a_preface_is_recognised_in_pieces(
    magic: HttpProvider, http1: HttpProvider, first: bool, size: int
) -> None:
    providers = (magic, http1) if first else (http1, magic)
    async with memory_server(app, *providers) as server:
        client = Ends(server)
        sent = MAGIC + b"and more"
        for start in range(0, len(sent), size):
            client.transport.client_send(sent[start : start + size])
        assert Recorder.made[0].received == sent
        assert not server.kernel.connections


@pytest.mark.parametrize("method", ["GET", "M", "MAGICAL", "MAGIC/3"])
async def test_everything_else_is_http_1(magic: HttpProvider, http1: HttpProvider, method: str) -> None:
    async with memory_server(app, magic, http1) as server:
        client = Ends(server)
        for byte in f"{method} / HTTP/1.1\r\nHost: test\r\n\r\n".encode():
            client.transport.client_send(bytes((byte,)))
        await server.settle()
        assert client.received.startswith(b"HTTP/1.1 400" if method == "MAGIC/3" else b"HTTP/1.1 200")
        assert not Recorder.made


@pytest.mark.parametrize(
    ("agreed", "magical"), [("magic", True), ("magic-draft", True), ("http/1.1", False), (None, False), ("x", False)]
)
async def test_tls_has_negotiated(magic: HttpProvider, http1: HttpProvider, agreed: str | None, magical: bool) -> None:
    """Before the first byte; without agreement it is HTTP/1.1, wherever that stands in the order."""
    async with memory_server(app, magic, http1) as server:
        transport = MemoryTransport(lambda data: None, lambda reset: None, secure=True)
        ssl_object = SimpleNamespace(selected_alpn_protocol=lambda: agreed)
        transport._extra["ssl_object"] = ssl_object  # type: ignore[attr-defined]
        transport.connect(server.kernel.protocol())
        assert isinstance(transport.get_protocol(), Recorder if magical else Http1Connection)


async def test_a_client_that_leaves_before_it_is_known_leaves_nothing(magic: HttpProvider, http1: HttpProvider) -> None:
    async with memory_server(app, magic, http1) as server:
        for leave in (lambda c: c.client_eof(), lambda c: c.client_reset()):
            client = Ends(server)
            client.transport.client_send(MAGIC[:3])
            assert len(server.kernel.connections) == 1
            leave(client.transport)
            await server.settle()
            assert not server.kernel.connections


def test_a_client_that_says_too_little_is_closed(magic: HttpProvider, http1: HttpProvider) -> None:
    async def check() -> None:
        async with memory_server(app, magic, http1) as server:
            clients = [Ends(server), Ends(server)]
            clients[1].transport.client_send(MAGIC[:3])
            await server.advance(9)
            assert not any(client.closed for client in clients)
            await server.advance(1)
            assert all(client.closed for client in clients)

    run_in_memory(check())


def test_a_shutdown_gives_it_a_moment(magic: HttpProvider, http1: HttpProvider) -> None:
    async def check() -> None:
        async with memory_server(app, magic, http1) as server:
            quick, slow = Ends(server), Ends(server)
            server.kernel.drain()
            quick.transport.client_send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
            await server.settle()
            assert quick.received.endswith(b"by HTTP/1.1")
            await server.advance(1)
            assert slow.closed

    run_in_memory(check())


async def test_a_forced_end_cuts_it(magic: HttpProvider, http1: HttpProvider) -> None:
    async with memory_server(app, magic, http1) as server:
        client = Ends(server)
        server.kernel.abort()
        await server.settle()
        assert client.closed
