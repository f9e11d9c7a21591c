"""The ASGI HTTP machine: what is not visible in bytes alone."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tricorn.api import Message, Receive, Scope, Send
from tricorn.exchange import BODY_LIMIT
from tricorn.scope import log_path
from tricorn.testing.calls import Calls
from tricorn.testing.http1_base import request
from tricorn.testing.http1_client import Http1Client
from tricorn.testing.memory_server import memory_server, run_in_memory
from tricorn.testing.strict import STRICT

START: Message = {"type": "http.response.start", "status": 200, "headers": []}


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[tuple[Calls, Http1Client]]:
    calls = Calls()
    async with memory_server(calls.app, STRICT, **options) as server:
        yield calls, Http1Client(server)


def test_receives_that_were_given_up_leave_nothing_behind() -> None:
    """`is_disconnected()` in a loop makes one of them each time."""

    async def check() -> None:
        async with serving() as (calls, client):
            client.ask_raw(request())
            call = await calls()
            await call.body()
            for _ in range(1000):
                waiting = asyncio.ensure_future(call.receive())
                await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.sleep(0)
            [exchange] = client.server.kernel.calls
            assert len(exchange._waiters or ()) <= 2

    run_in_memory(check())


@pytest.mark.parametrize("size", [BODY_LIMIT, BODY_LIMIT + 1])
def test_reading_pauses_above_the_limit_and_not_at_it(size: int) -> None:
    async def check() -> None:
        async with serving() as (calls, client):
            client.ask_raw(request(b"Content-Length: 1000000", method=b"POST"))
            call = await calls()
            client.send_raw(b"x" * size)
            assert client.transport.is_reading() == (size <= BODY_LIMIT)
            assert len((await call.receive())["body"]) == size
            assert client.transport.is_reading()

    run_in_memory(check())


def test_bodies_are_joined_into_one_event() -> None:
    async def check() -> None:
        async with serving() as (calls, client):
            client.ask_raw(request(b"Content-Length: 6", method=b"POST"))
            call = await calls()
            for piece in (b"ab", b"cd", b"ef"):
                client.send_raw(piece)
            assert await call.receive() == {"type": "http.request", "body": b"abcdef", "more_body": False}

    run_in_memory(check())


def test_the_end_of_a_body_is_told_to_one_of_those_who_wait() -> None:
    async def check() -> None:
        async with serving() as (calls, client):
            answer = client.ask_raw(request(b"Content-Length: 5", method=b"POST"))
            call = await calls()
            waiting = [asyncio.ensure_future(call.receive()) for _ in range(2)]
            await client.server.settle(2)
            client.send_raw(b"hello")
            await client.server.settle(5)
            assert [task.done() for task in waiting] == [True, False]
            assert waiting[0].result() == {"type": "http.request", "body": b"hello", "more_body": False}
            client.leave(answer)
            assert await waiting[1] == {"type": "http.disconnect"}

    run_in_memory(check())


def test_a_complete_body_is_delivered_though_the_client_has_left() -> None:
    async def check() -> None:
        async with serving() as (calls, client):
            answer = client.ask_raw(request(b"Content-Length: 5", method=b"POST") + b"hello")
            call = await calls()
            client.leave(answer)
            assert await call.body() == b"hello"
            assert await call.receive() == {"type": "http.disconnect"}

    run_in_memory(check())


def test_the_head_leaves_when_the_application_waits_for_something_else() -> None:
    order: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        order.append("started")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        order.append("waited")
        await send({"type": "http.response.body", "body": b"done"})

    async def check() -> None:
        async with memory_server(app, STRICT) as server:
            client = Http1Client(server)
            client.transport._on_data = lambda data: order.append(data[:15].decode("latin-1"))
            client.ask_raw(request())
            await server.settle()
            assert order[:3] == ["started", "HTTP/1.1 200 OK", "waited"]

    run_in_memory(check())


def test_an_error_right_after_the_start_is_still_a_500() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        raise RuntimeError("late")

    async def check() -> None:
        async with memory_server(app, STRICT) as server:
            assert await Http1Client(server).ask_raw(request()).head() == 500

    run_in_memory(check())


def test_the_500_of_a_head_request_has_no_body() -> None:
    async def check() -> None:
        async with serving() as (calls, client):
            answer = client.ask_raw(request(method=b"HEAD"), method=b"HEAD")
            (await calls()).fail(RuntimeError())
            assert await answer.whole() == b""
            assert (answer.status, answer.values(b"content-length")) == (500, [b"21"])
            await client.until_closed()

    run_in_memory(check())


def test_an_application_that_ignores_the_disconnect_costs_nothing_more() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        while True:
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
            await asyncio.sleep(0)

    async def check() -> None:
        async with memory_server(app, STRICT) as server:
            client = Http1Client(server)
            answer = client.ask_raw(request())
            await answer.head()
            client.leave(answer)
            size = len(client.received)
            await server.settle(100)
            assert len(client.received) == size
            assert len(server.kernel.calls) == 1
            assert not server.log

    run_in_memory(check())


def test_nothing_of_a_finished_request_is_kept() -> None:
    class Marker(bytearray):
        """What a request would keep alive."""

    async def check() -> None:
        async with serving() as (calls, client):
            for _ in range(3):
                answer = client.ask_raw(request())
                call = await calls()
                call.scope["marker"] = Marker()
                await call.respond(b"done")
                await answer.whole()
            await client.server.settle()
            calls.made.clear()
            del call
            gc.collect()
            assert len([one for one in gc.get_objects() if isinstance(one, Marker)]) == 0

    run_in_memory(check())


def test_a_wish_to_close_is_fulfilled_once() -> None:
    async def check() -> None:
        async with serving() as (calls, client):
            answer = client.ask_raw(request())
            await (await calls()).respond(b"done", headers=[(b"connection", b"close"), (b"Connection", b"close")])
            await answer.whole()
            assert answer.values(b"connection") == [b"close"]

    run_in_memory(check())


@pytest.mark.parametrize(
    ("path", "raw", "query", "logged"),
    [
        ("/a b", b"/a%20b", b"", "/a%20b"),
        ("/\u00e9", b"/%C3%A9", b"x=%20", "/%C3%A9?x=%20"),
        ('/"\n\x1b', b"/%22%0A%1B", b"", "/%22%0A%1B"),
        ("/%41", b"/%2541", b"", "/%2541"),
        ("/", b"/", b'a="\n\xe9', "/?a=%22%0A\\xe9"),
        ("/" + "a" * 300, b"/" + b"a" * 300, b"", "/" + "a" * 300),
    ],
)
def test_paths_in_the_access_log_are_quoted_again(path: str, raw: bytes, query: bytes, logged: str) -> None:
    for _ in range(2):
        assert log_path({"path": path, "raw_path": raw, "query_string": query}) == logged
