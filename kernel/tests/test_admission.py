"""How many application calls run at the same time, and what becomes of the others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tricorn.admission import Admission
from tricorn.api import Message
from tricorn.testing.calls import Calls
from tricorn.testing.client import Answer
from tricorn.testing.http1_base import request
from tricorn.testing.http1_client import Http1Client
from tricorn.testing.memory_server import MemoryServer, memory_server, run_in_memory
from tricorn.testing.strict import STRICT


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[tuple[Calls, MemoryServer]]:
    calls = Calls()
    async with memory_server(calls.app, STRICT, **options) as server:
        yield calls, server


def ask(server: MemoryServer, number: int) -> Answer:
    return Http1Client(server).ask_raw(request(target=b"/%d" % number))


def test_further_calls_wait_and_get_their_turn_in_order() -> None:
    async def check() -> None:
        async with serving(limit_calls=2, limit_waiting_calls=10) as (calls, server):
            answers = [ask(server, number) for number in range(5)]
            await server.settle()
            assert calls.count == 2
            for number, answer in enumerate(answers):
                call = await calls()
                assert call.scope["path"] == f"/{number}"
                await call.respond(b"done")
                assert await answer.whole() == b"done"
                await server.settle()
                assert calls.count == min(5, number + 3)

    run_in_memory(check())


def test_calls_above_the_number_that_may_wait_are_answered_503() -> None:
    async def check() -> None:
        async with serving(limit_calls=1, limit_waiting_calls=1) as (calls, server):
            answers = [ask(server, number) for number in range(3)]
            assert await answers[2].head() == 503
            assert answers[2].values(b"retry-after") == [b"1"]
            assert await answers[2].whole() == b"Service Unavailable"
            for answer in answers[:2]:
                await (await calls()).respond(b"done")
                assert await answer.whole() == b"done"
            answer = ask(server, 3)
            await (await calls()).respond(b"done")
            assert await answer.whole() == b"done"

    run_in_memory(check())


def test_nobody_waits_where_none_may() -> None:
    async def check() -> None:
        async with serving(limit_calls=1, limit_waiting_calls=0) as (calls, server):
            first, second = ask(server, 0), ask(server, 1)
            assert await second.head() == 503
            await (await calls()).respond(b"done")
            assert await first.whole() == b"done"

    run_in_memory(check())


def test_a_call_that_fails_gives_its_turn_up() -> None:
    async def check() -> None:
        async with serving(limit_calls=1) as (calls, server):
            first, second = ask(server, 0), ask(server, 1)
            (await calls()).fail(RuntimeError())
            assert await first.head() == 500
            await (await calls()).respond(b"done")
            assert await second.whole() == b"done"

    run_in_memory(check())


def test_cancelled_calls_leave_the_queue() -> None:
    async def check() -> None:
        async with serving(limit_calls=1) as (calls, server):
            answers = [ask(server, number) for number in range(3)]
            await calls()
            server.kernel.cancel("over")
            assert [await answer.head() for answer in answers] == [500, 500, 500]
            assert calls.count == 1
            answer = ask(server, 3)
            await (await calls()).respond(b"done")
            assert await answer.whole() == b"done"

    run_in_memory(check())


def test_a_turn_that_comes_together_with_a_cancellation_is_passed_on() -> None:
    async def check() -> None:
        async with serving(limit_calls=1) as (calls, server):
            ask(server, 0)
            first = await calls()
            ask(server, 1)
            answer = ask(server, 2)
            await server.settle()
            [waiting] = [call for call in server.kernel.calls if call.scope["path"] == "/1"]
            first.finish()
            while not server.kernel.app._queue[0].done() and len(server.kernel.app._queue) == 2:  # type: ignore[attr-defined]
                await server.settle(1)
            waiting.task.cancel()
            call = await calls()
            assert call.scope["path"] == "/2"
            await call.respond(b"done")
            assert await answer.whole() == b"done"

    run_in_memory(check())


async def test_a_websocket_is_denied() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("there is no room")

    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(event: Message) -> None:
        sent.append(event)

    await Admission(app, 0, 0)({"type": "websocket"}, receive, send)
    assert [event["type"] for event in sent] == ["websocket.http.response.start", "websocket.http.response.body"]
    assert sent[0]["status"] == 503
