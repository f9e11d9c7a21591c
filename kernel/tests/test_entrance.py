"""How many connections may be open."""

from __future__ import annotations

from tricorn.testing.calls import Calls
from tricorn.testing.http1_base import request
from tricorn.testing.http1_client import Http1Client
from tricorn.testing.memory_server import memory_server, run_in_memory
from tricorn.testing.strict import STRICT


def test_connections_above_the_limit_are_answered_503_and_closed() -> None:
    async def check() -> None:
        calls = Calls()
        async with memory_server(calls.app, STRICT, limit_connections=2) as server:
            clients = [Http1Client(server) for _ in range(2)]
            surplus = Http1Client(server, any_answers=True)
            surplus.send_raw(request())
            [answer] = surplus.answers
            assert await answer.head() == 503
            assert answer.values(b"retry-after") == [b"1"]
            assert answer.values(b"connection") == [b"close"]
            assert await answer.whole() == b"Service Unavailable"
            assert surplus.closed
            assert calls.count == 0
            assert len(server.kernel.connections) == 2
            assert server.access == [("192.0.2.1:50000", "-", "-", "1.1", 503)]
            answer = clients[0].ask_raw(request())
            await (await calls()).respond(b"done")
            assert await answer.whole() == b"done"

    run_in_memory(check())


def test_a_connection_that_ends_makes_room() -> None:
    async def check() -> None:
        calls = Calls()
        async with memory_server(calls.app, STRICT, limit_connections=1) as server:
            first = Http1Client(server)
            first.half_close()
            await server.settle()
            answer = Http1Client(server).ask_raw(request())
            await (await calls()).respond(b"done")
            assert await answer.whole() == b"done"

    run_in_memory(check())


def test_who_is_turned_away_does_not_stay() -> None:
    async def check() -> None:
        async with memory_server(Calls().app, STRICT, limit_connections=1) as server:
            Http1Client(server)
            surplus = Http1Client(server, any_answers=True)
            assert not surplus.transport._lost
            await server.advance(2)
            assert surplus.transport._lost
            assert [record.getMessage() for record in server.log] == ["Exceeded the limit of 1 connections."]

    run_in_memory(check())


def test_a_flood_is_logged_once() -> None:
    async def check() -> None:
        async with memory_server(Calls().app, STRICT, limit_connections=1) as server:
            Http1Client(server)
            for _ in range(50):
                surplus = server.connect(lambda data: None, lambda reset: None)
                surplus.client_eof()
            await server.settle()
            assert len(server.log) == 1
            assert len(server.access) == 50
            assert len(server.kernel.connections) == 1

    run_in_memory(check())
