"""The kernel: limits, draining, cancelling, and what it keeps count of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tricorn.testing.calls import Calls
from tricorn.testing.http1_base import BEHIND, request
from tricorn.testing.http1_client import Http1Client
from tricorn.testing.memory_server import MemoryServer, memory_server, run_in_memory
from tricorn.testing.strict import STRICT


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[tuple[Calls, MemoryServer]]:
    calls = Calls()
    async with memory_server(calls.app, STRICT, **options) as server:
        yield calls, server


def test_calls_and_connections_are_counted() -> None:
    async def check() -> None:
        async with serving() as (calls, server):
            kernel = server.kernel
            clients = [Http1Client(server) for _ in range(3)]
            answers = [client.ask_raw(request()) for client in clients[:2]]
            made = [await calls(), await calls()]
            assert (len(kernel.connections), kernel.active, kernel.total_requests) == (3, 2, 0)
            for call, answer in zip(made, answers, strict=True):
                await call.respond(b"done")
                await answer.whole()
            clients[2].half_close()
            await server.settle()
            assert (len(kernel.connections), kernel.active, kernel.total_requests) == (2, 0, 2)

    run_in_memory(check())


def test_running_calls_count_against_the_limit_after_their_clients_have_left() -> None:
    async def check() -> None:
        async with serving(limit_concurrency=3) as (calls, server):
            for _ in range(3):
                client = Http1Client(server)
                answer = client.ask_raw(request())
                await calls()
                client.leave(answer)
                await server.settle()
            assert len(server.kernel.connections) == 0
            answer = Http1Client(server).ask_raw(request(target=b'/?a="'))
            assert await answer.head() == 503
            assert answer.values(b"retry-after")
            assert "concurrency" in server.log[0].getMessage()
            assert server.access == [("192.0.2.1:50000", "GET", "/?a=%22", "1.1", 503)]

    run_in_memory(check())


def test_a_refusal_over_the_limit_serves_nothing_behind_it() -> None:
    async def check() -> None:
        async with serving(limit_concurrency=1) as (calls, server):
            client = Http1Client(server)
            answer = client.ask_raw(request() + BEHIND)
            assert await answer.whole() == b"Service Unavailable"
            assert client.closed
            assert calls.count == 0

    run_in_memory(check())


def test_draining_announces_the_end_of_every_connection() -> None:
    async def check() -> None:
        async with serving() as (calls, server):
            client = Http1Client(server)
            answer = client.ask_raw(request() + BEHIND)
            call = await calls()
            server.kernel.drain()
            drained = asyncio.ensure_future(server.kernel.drained())
            await call.respond(b"done")
            assert await answer.whole() == b"done"
            assert answer.values(b"connection") == [b"close"]
            assert calls.count == 1
            client.half_close()
            await server.advance(1)
            await drained

    run_in_memory(check())


def test_drained_waits_for_calls_that_go_on_after_their_response() -> None:
    async def check() -> None:
        async with serving() as (calls, server):
            client = Http1Client(server)
            answer = client.ask_raw(request(b"Connection: close"))
            call = await calls()
            await call.start()
            await call.write(b"done")
            await answer.whole()
            client.half_close()
            server.kernel.drain()
            drained = asyncio.ensure_future(server.kernel.drained())
            await server.advance(10)
            assert not drained.done()
            call.finish()
            await server.advance(1)
            await drained

    run_in_memory(check())


def test_cancelling_tells_how_many_calls_there_were_and_answers_for_them() -> None:
    async def check() -> None:
        async with serving() as (calls, server):
            answers = [Http1Client(server).ask_raw(request()) for _ in range(3)]
            for _ in answers:
                await calls()
            assert server.kernel.cancel("over") == 3
            assert [await answer.head() for answer in answers] == [500] * 3
            await server.settle()
            assert server.kernel.active == 0

    run_in_memory(check())


def test_aborting_cuts_everything() -> None:
    async def check() -> None:
        async with serving() as (calls, server):
            clients = [Http1Client(server) for _ in range(3)]
            clients[0].ask_raw(request())
            clients[1].send_raw(b"GET / HT")
            call = await calls()
            await call.body()
            server.kernel.abort()
            assert (await call.receive())["type"] == "http.disconnect"
            await server.settle()
            assert not server.kernel.connections
            assert all(client.closed for client in clients)

    run_in_memory(check())


def test_the_date_is_renewed() -> None:
    async def check() -> None:
        async with serving() as (_, server):
            kernel = server.kernel
            kernel.prefix(200)
            kernel._second = 0
            await server.advance(1)
            assert kernel._second > 0
            assert not kernel.prefixes
            assert kernel.default_fields.startswith(b"date: ")

    run_in_memory(check())


def test_a_connection_that_fails_does_not_stop_the_clock() -> None:
    class Broken:
        deadline = 0.001

        def expire(self) -> None:
            raise RuntimeError("a connection of a plugin is broken")

        def drain(self) -> None:
            pass

        def abort(self) -> None:
            pass

    async def check() -> None:
        async with serving(timeout_request_head=10) as (_, server):
            errors: list[Any] = []
            asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))
            broken = Broken()
            server.kernel.add(broken)
            client = Http1Client(server)
            await server.advance(11)
            await server.advance(1)
            server.kernel.remove(broken)
            assert [str(error) for error in errors] == ["a connection of a plugin is broken"]
            assert client.closed

    run_in_memory(check())
