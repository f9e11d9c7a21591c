"""Clients that leave while nobody reads from them: over real sockets, because the system is asked about them."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tricorn.departures import Departures
from tricorn.http1 import BACKLOG_LIMIT
from tricorn.testing import serve
from tricorn.testing.calls import Call, Calls
from tricorn.testing.http1_base import request

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="Linux alone can be asked")

DEADLINE = 30.0


class Watched:
    def __init__(self) -> None:
        self.told: list[bool] = []
        self.changed = asyncio.Event()

    def departed(self, gone: bool) -> None:
        self.told.append(gone)
        self.changed.set()


async def turns(count: int = 5) -> None:
    """Let the loop turn, as often as it takes until a pause is watched."""
    for _ in range(count):
        await asyncio.sleep(0)


def reset(sock: socket.socket) -> None:
    """Close so that the other side gets RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@asynccontextmanager
async def behind_a_backlog(method: bytes = b"GET") -> AsyncIterator[tuple[Call, socket.socket]]:
    """A call whose connection has stopped reading, because more requests wait behind it than it keeps."""
    calls = Calls()
    async with serve(calls.app, http="h11", ws="none", lifespan="off") as url:
        host, _, port = url.removeprefix("http://").partition(":")
        loop = asyncio.get_running_loop()
        client = socket.create_connection((host, int(port)))
        client.setblocking(False)
        await loop.sock_sendall(client, request(method=method) * (3 * BACKLOG_LIMIT // len(request())))
        call = await calls()
        yield call, client
        client.close()
        calls.release()


async def test_a_waiting_receive_hears_that_the_client_has_closed() -> None:
    async with behind_a_backlog() as (call, client):
        await call.body()
        waiting = asyncio.ensure_future(call.receive())
        client.close()
        assert await asyncio.wait_for(waiting, DEADLINE) == {"type": "http.disconnect"}


async def test_a_waiting_receive_hears_that_the_client_was_reset() -> None:
    async with behind_a_backlog() as (call, client):
        await call.body()
        waiting = asyncio.ensure_future(call.receive())
        reset(client)
        assert await asyncio.wait_for(waiting, DEADLINE) == {"type": "http.disconnect"}
        await call.respond(b"too late")


async def test_a_half_closed_client_gets_its_answer() -> None:
    async with behind_a_backlog() as (call, client):
        await call.body()
        waiting = asyncio.ensure_future(call.receive())
        client.shutdown(socket.SHUT_WR)
        assert await asyncio.wait_for(waiting, DEADLINE) == {"type": "http.disconnect"}
        await call.respond(b"x" * 100_000)
        received = b""
        while not received.endswith(b"x" * 100_000):
            received += await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 65536), DEADLINE)


async def test_each_way_to_leave_is_told_once() -> None:
    server, client = socket.socketpair()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=server)
    transport.pause_reading()
    watched = Watched()
    departures = Departures(loop)
    departures.watch(transport, watched)
    client.send(b"unread")
    client.shutdown(socket.SHUT_WR)
    await asyncio.wait_for(watched.changed.wait(), DEADLINE)
    await turns()
    assert watched.told == [False]
    watched.changed.clear()
    client.close()
    await asyncio.wait_for(watched.changed.wait(), DEADLINE)
    assert watched.told == [False, True]
    departures.close()
    transport.abort()


async def test_who_is_forgotten_is_told_nothing() -> None:
    server, client = socket.socketpair()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=server)
    transport.pause_reading()
    forgotten, kept = Watched(), Watched()
    departures = Departures(loop)
    departures.watch(transport, forgotten)
    await turns()
    departures.forget(forgotten)
    departures.watch(transport, kept)
    departures.forget(forgotten)
    client.close()
    await asyncio.wait_for(kept.changed.wait(), DEADLINE)
    assert not forgotten.told
    departures.forget(kept)
    departures.close()
    transport.abort()


async def test_the_system_is_not_asked_about_a_pause_that_is_over_in_the_next_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, client = socket.socketpair()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=server)
    asked: list[int] = []
    monkeypatch.setattr(select.epoll, "register", lambda self, descriptor, events: asked.append(descriptor))
    departures = Departures(loop)
    short, long = Watched(), Watched()
    departures.watch(transport, short)
    await turns(1)
    departures.forget(short)
    await turns()
    assert not asked
    departures.watch(transport, long)
    await turns()
    assert server.fileno() in asked
    departures.close()
    transport.abort()
    client.close()


async def test_a_descriptor_may_be_another_connections_by_the_time_of_the_loss() -> None:
    loop = asyncio.get_running_loop()
    departures = Departures(loop)
    first, second = Watched(), Watched()
    server, client = socket.socketpair()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=server)
    departures.watch(transport, first)
    await turns()
    descriptor = server.fileno()
    other, other_client = socket.socketpair()
    os.dup2(other.fileno(), descriptor)
    departures.watch(transport, second)
    departures.forget(first)
    other_client.close()
    await asyncio.wait_for(second.changed.wait(), DEADLINE)
    assert second.told == [True]
    assert not first.told
    departures.close()
    transport.abort()
    client.close()
    other.close()
