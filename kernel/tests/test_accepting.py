"""The last connections: nothing that a client could have sent before the server stopped accepting is lost."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from tricorn.accepting import stop_accepting
from tricorn.config import Config
from tricorn.server import Server

REQUEST = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"
DEADLINE = 30.0


async def app(scope, receive, send):  # type: ignore[no-untyped-def]
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"served"})


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock


async def test_a_connection_in_the_queue_of_the_system_is_served(listener: socket.socket) -> None:
    connected = asyncio.Event()

    class Echo(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            connected.set()
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            assert isinstance(self.transport, asyncio.Transport)
            self.transport.write(data)
            self.transport.close()

    with socket.create_connection(listener.getsockname(), DEADLINE) as client:
        client.sendall(b"late")
        await stop_accepting([listener], listener.close, Echo, {})
        assert connected.is_set()
        assert await asyncio.to_thread(client.recv, 10) == b"late"


async def test_nothing_is_accepted_afterwards(listener: socket.socket) -> None:
    address = listener.getsockname()
    await stop_accepting([listener], listener.close, asyncio.Protocol, {})
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, DEADLINE)


@pytest.mark.parametrize("requests", [0, 1], ids=["before the first request", "after a request"])
async def test_a_request_on_its_way_when_the_server_stops_is_answered_and_told_that_it_is_the_last(
    requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(Config(app, port=0, log_config=None, lifespan="off"))
    await server.startup()
    assert server.kernel is not None
    reader, writer = await asyncio.open_connection(*server.servers[0].sockets[0].getsockname())
    for _ in range(requests):
        writer.write(REQUEST)
        await reader.readuntil(b"served")
    draining = asyncio.Event()
    drain = server.kernel.drain

    def noted_drain() -> None:
        drain()
        draining.set()

    monkeypatch.setattr(server.kernel, "drain", noted_drain)
    stopping = asyncio.ensure_future(server.shutdown())
    await draining.wait()
    writer.write(REQUEST)
    response = await asyncio.wait_for(reader.read(), DEADLINE)
    assert b"connection: close" in response
    assert response.endswith(b"served")
    writer.close()
    await stopping


async def test_an_idle_connection_closes_when_the_server_stops() -> None:
    server = Server(Config(app, port=0, log_config=None, lifespan="off"))
    await server.startup()
    reader, writer = await asyncio.open_connection(*server.servers[0].sockets[0].getsockname())
    writer.write(REQUEST)
    await reader.readuntil(b"served")
    await asyncio.wait_for(server.shutdown(), DEADLINE)
    assert await reader.read() == b""
    writer.close()
