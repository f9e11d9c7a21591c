"""The HTTP/1 connection with the kernel's own reader: every rule of the suite, and what is the kernel's alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tricorn.api import HttpProvider
from tricorn.heads import check_partial
from tricorn.http1 import BACKLOG_LIMIT
from tricorn.testing.calls import Calls
from tricorn.testing.client import Answer
from tricorn.testing.http1 import Http1Suite
from tricorn.testing.http1_base import BEHIND, request
from tricorn.testing.http1_client import Http1Client
from tricorn.testing.memory import HIGH_WATER, MemoryLoop
from tricorn.testing.memory_server import memory_server, run_in_memory
from tricorn.testing.strict import STRICT

POST = request(b"Content-Length: 10", method=b"POST")
CHUNKED = request(b"Transfer-Encoding: chunked", method=b"POST")


class TestStrictReader(Http1Suite):
    plugin = "http", "tricorn.testing.strict:STRICT"

    @classmethod
    def provider(cls) -> HttpProvider:
        return STRICT


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[tuple[Calls, Http1Client]]:
    calls = Calls()
    async with memory_server(calls.app, STRICT, **options) as server:
        yield calls, Http1Client(server)


# --- deadlines ------------------------------------------------------------------------------------------------------


def test_a_connection_that_sends_nothing_closes_silently() -> None:
    async def check() -> None:
        async with serving(timeout_request_head=10) as (_, client):
            await client.server.advance(9)
            assert not client.closed
            await client.server.advance(1)
            assert client.closed
            assert not client.received

    run_in_memory(check())


@pytest.mark.parametrize("part", [b"G", b"GET / HTTP/1.1\r\nHost: te", b"GET / HTTP/1.1\r\nHost: test\r\n\r"])
def test_a_slow_head_is_answered_408(part: bytes) -> None:
    async def check() -> None:
        async with serving(timeout_request_head=10) as (calls, client):
            answer = client.ask_raw(part)
            await client.server.advance(10)
            assert await answer.head() == 408
            assert await answer.whole() == b"Request Timeout"
            assert client.closed
            assert calls.count == 0

    run_in_memory(check())


@pytest.mark.parametrize("pieces", [1, 2])
def test_an_empty_line_alone_is_no_head_that_takes_too_long(pieces: int) -> None:
    """However it was cut."""

    async def check() -> None:
        async with serving(timeout_request_head=10) as (_, client):
            await client.send_pieces(b"\r\n", 2 // pieces)
            await client.server.advance(10)
            assert client.closed
            assert not client.received

    run_in_memory(check())


def test_bytes_do_not_put_off_the_deadline_of_a_head() -> None:
    async def check() -> None:
        async with serving(timeout_request_head=10) as (_, client):
            answer = client.ask_raw(b"G")
            for byte in b"ET / HTTP/1.1\r\nX:":
                await client.server.advance(0.5)
                client.send_raw(bytes((byte,)))
            assert await answer.head() == 408

    run_in_memory(check())


def test_an_idle_connection_closes_silently() -> None:
    async def check() -> None:
        async with serving(timeout_keep_alive=5, timeout_request_head=1) as (calls, client):
            answer = client.ask_raw(request())
            await (await calls()).respond(b"hello")
            await answer.whole()
            size = len(client.received)
            await client.server.advance(4)
            assert not client.closed
            await client.server.advance(1)
            assert client.closed
            assert len(client.received) == size

    run_in_memory(check())


def test_what_a_client_sent_while_the_loop_was_blocked_is_read_before_its_deadline_counts() -> None:
    async def check() -> None:
        async with serving(timeout_keep_alive=5, timeout_request_head=1) as (calls, client):
            answer = client.ask_raw(request())
            await (await calls()).respond(b"hello")
            await answer.whole()
            loop = asyncio.get_running_loop()
            assert isinstance(loop, MemoryLoop)
            loop.advance(60)
            again: list[Answer] = []
            # The tick, which is due by now, comes in the turn before this is read.
            loop.call_soon(loop.call_soon, lambda: again.append(client.ask_raw(request())))
            await client.server.settle()
            await (await calls()).respond(b"again")
            assert await again[0].whole() == b"again"

    run_in_memory(check())


def test_the_second_head_has_a_deadline_of_its_own() -> None:
    async def check() -> None:
        async with serving(timeout_keep_alive=5, timeout_request_head=20) as (calls, client):
            answer = client.ask_raw(request())
            await (await calls()).respond(b"hello")
            await answer.whole()
            answer = client.ask_raw(b"GET / HT")
            await client.server.advance(15)
            assert not client.closed
            await client.server.advance(5)
            assert await answer.head() == 408

    run_in_memory(check())


@pytest.mark.parametrize("head", [POST, CHUNKED])
def test_a_body_that_stops_is_answered_408_and_disconnects(head: bytes) -> None:
    async def check() -> None:
        async with serving(timeout_request_body=30) as (calls, client):
            answer = client.ask_raw(head, method=b"POST")
            call = await calls()
            waiting = asyncio.ensure_future(call.body())
            await client.server.advance(30)
            assert await answer.head() == 408
            with pytest.raises(AssertionError, match=r"http\.disconnect"):
                await waiting
            assert client.closed

    run_in_memory(check())


def test_a_body_that_stops_cuts_a_response_that_has_begun() -> None:
    async def check() -> None:
        async with serving(timeout_request_body=30) as (calls, client):
            answer = client.ask_raw(POST, method=b"POST")
            call = await calls()
            await call.start()
            await call.write(b"begun", more_body=True)
            await client.server.advance(30)
            assert not await answer.ended()
            assert (await call.receive())["type"] == "http.disconnect"

    run_in_memory(check())


def test_each_byte_puts_off_the_deadline_of_a_body() -> None:
    async def check() -> None:
        async with serving(timeout_request_body=30) as (calls, client):
            answer = client.ask_raw(POST, method=b"POST")
            call = await calls()
            for _ in range(10):
                await client.server.advance(25)
                client.send_raw(b"x")
            assert await call.body() == b"x" * 10
            await call.respond(b"done")
            assert await answer.whole() == b"done"

    run_in_memory(check())


def test_a_client_that_the_application_lets_wait_is_not_slow() -> None:
    async def check() -> None:
        async with serving(timeout_request_body=30) as (calls, client):
            answer = client.ask_raw(request(b"Content-Length: 200000", method=b"POST"), method=b"POST")
            call = await calls()
            client.send_raw(b"x" * 100_000)
            client.send_raw(b"x" * 100_000)
            assert not client.transport.is_reading()
            await client.server.advance(1000)
            assert await call.body() == b"x" * 200_000
            await call.respond(b"done")
            assert await answer.whole() == b"done"

    run_in_memory(check())


def test_an_application_may_take_its_time() -> None:
    async def check() -> None:
        async with serving() as (calls, client):
            answer = client.ask_raw(request())
            call = await calls()
            await client.server.advance(100_000)
            await call.start()
            await call.write(b"a", more_body=True)
            await client.server.advance(100_000)
            await call.write(b"b")
            assert await answer.whole() == b"ab"

    run_in_memory(check())


def test_a_client_that_takes_nothing_is_cut() -> None:
    async def check() -> None:
        async with serving(timeout_write=30) as (calls, client):
            answer = client.ask_raw(request())
            call = await calls()
            client.pause()
            await call.start()
            waiting = asyncio.ensure_future(call.write(b"x" * (1 << 20), more_body=True))
            await client.server.advance(29)
            assert not waiting.done()
            await client.server.advance(1)
            await waiting
            assert not await answer.ended()
            assert (await call.receive())["type"] in ("http.request", "http.disconnect")
            assert (await call.receive())["type"] == "http.disconnect"

    run_in_memory(check())


def test_a_client_that_takes_little_is_not_cut() -> None:
    async def check() -> None:
        async with serving(timeout_write=30) as (calls, client):
            answer = client.ask_raw(request())
            client.pause()
            call = await calls()
            waiting = asyncio.ensure_future(call.respond(b"x" * (1 << 17)))
            for _ in range(10):
                await client.server.advance(25)
                client.transport.client_take(100)
            client.resume()
            await waiting
            assert await answer.whole() == b"x" * (1 << 17)

    run_in_memory(check())


@pytest.mark.parametrize("name", ["timeout_request_head", "timeout_request_body", "timeout_write"])
def test_a_deadline_of_zero_is_none(name: str) -> None:
    async def check() -> None:
        async with serving(**{name: 0}) as (calls, client):
            if name == "timeout_request_head":
                answer = client.ask_raw(b"GET /")
                await client.server.advance(1e6)
                client.send_raw(b" HTTP/1.1\r\nHost: test\r\n\r\n")
                await (await calls()).respond(b"done")
            elif name == "timeout_request_body":
                answer = client.ask_raw(POST, method=b"POST")
                await client.server.advance(1e6)
                client.send_raw(b"0123456789")
                await (await calls()).respond(b"done")
            else:
                client.pause()
                answer = client.ask_raw(request())
                waiting = asyncio.ensure_future((await calls()).respond(b"x" * (1 << 20)))
                await client.server.advance(1e6)
                client.resume()
                await waiting
            await answer.whole()

    run_in_memory(check())


def test_an_unread_body_gets_five_seconds() -> None:
    async def check() -> None:
        async with serving() as (calls, client):
            answer = client.ask_raw(POST, method=b"POST")
            await (await calls()).respond(b"early")
            assert await answer.whole() == b"early"
            for _ in range(6):
                client.send_raw(b"x")
                await client.server.advance(0.8)
            assert client.closed

    run_in_memory(check())


def test_lingering_ends_after_a_while() -> None:
    async def check() -> None:
        async with serving() as (_, client):
            client.ask_raw(b"BAD\r\n\r\n")
            await client.server.settle()
            assert client.closed
            assert client.server.kernel.connections
            await client.server.advance(3)
            assert not client.server.kernel.connections

    run_in_memory(check())


def test_lingering_reads_only_so_much() -> None:
    async def check() -> None:
        async with serving() as (_, client):
            client.ask_raw(b"BAD\r\n\r\n")
            for _ in range(6):
                client.send_raw(b"x" * 65536)
            await client.server.settle()
            assert not client.server.kernel.connections

    run_in_memory(check())


# --- limits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "head", "status"),
    [
        ({"limit_request_line": 100}, request(target=b"/" + b"x" * 100), 414),
        ({"limit_request_head": 200}, request(b"X: " + b"y" * 200), 431),
        ({"limit_request_fields": 3}, request(b"A: b", b"C: d", b"E: f"), 431),
        ({"limit_request_line": 100}, b"GET /" + b"x" * 200, 414),
        ({"limit_request_head": 200}, b"GET / HTTP/1.1\r\nX: " + b"y" * 200, 431),
    ],
)
def test_limits_are_options(options: dict[str, int], head: bytes, status: int) -> None:
    async def check() -> None:
        for size in (1, len(head)):
            async with serving(**options) as (calls, client):
                answer = client.expect()
                await client.send_pieces(head, size)
                assert await answer.head() == status
                assert calls.count == 0

    run_in_memory(check())


FITTING = request(b"A: b", b"C: d", target=b"/" + b"x" * 50)
EXACT = {
    "limit_request_line": FITTING.index(b"\r\n"),
    "limit_request_head": len(FITTING),
    "limit_request_fields": 3,
}


def test_limits_do_not_refuse_what_just_fits() -> None:
    async def check() -> None:
        for size in (1, len(FITTING)):
            async with serving(**EXACT) as (calls, client):
                answer = client.expect()
                await client.send_pieces(FITTING, size)
                await (await calls()).respond(b"done")
                assert await answer.whole() == b"done"

    run_in_memory(check())


@pytest.mark.parametrize(
    ("name", "status"), [("limit_request_line", 414), ("limit_request_head", 431), ("limit_request_fields", 431)]
)
def test_limits_refuse_one_more_than_fits(name: str, status: int) -> None:
    async def check() -> None:
        for size in (1, len(FITTING)):
            async with serving(**{**EXACT, name: EXACT[name] - 1}) as (calls, client):
                answer = client.expect()
                await client.send_pieces(FITTING, size)
                assert await answer.head() == status
                assert calls.count == 0

    run_in_memory(check())


def test_a_head_that_comes_byte_by_byte_is_not_looked_at_again_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = 0

    def counting(data: bytes | bytearray) -> None:
        nonlocal looked_at
        looked_at += len(data)
        check_partial(data)

    monkeypatch.setattr("tricorn.http1.check_partial", counting)
    head = request(b"X: " + b"y" * 10_000, b"Z: 1")

    async def check() -> None:
        async with serving() as (calls, client):
            answer = client.expect()
            await client.send_pieces(head)
            await (await calls()).respond(b"done")
            assert await answer.whole() == b"done"
            assert len(head) - 1 <= looked_at <= 2 * len(head)

    run_in_memory(check())


# --- what waits -----------------------------------------------------------------------------------------------------


def test_requests_behind_the_one_being_served_are_bounded() -> None:
    async def check() -> None:
        async with serving() as (calls, client):
            client.ask_raw(request())
            call = await calls()
            for _ in range(100):
                client.send_raw(b"x" * 8192)
            assert client.transport.client_unsent >= 100 * 8192 - BACKLOG_LIMIT - 2 * 8192
            await call.body()

    run_in_memory(check())


def test_answers_to_a_client_that_does_not_read_are_bounded() -> None:
    async def check() -> None:
        calls = Calls(echo=lambda scope: b"x" * 1000)
        async with memory_server(calls.app, STRICT) as server:
            client = Http1Client(server)
            client.pause()
            client.server.kernel.access = None
            for _ in range(50):
                for _ in range(100):
                    client.expect()
                client.send_raw(BEHIND * 100)
                await server.settle(50)
            await server.settle(1000)
            assert client.transport.most <= HIGH_WATER + 65536 + 2000
            assert calls.count <= 200
            client.resume()
            for answer in client.answers:
                assert await answer.whole() == b"x" * 1000

    run_in_memory(check())


def test_an_answer_does_not_wait_for_the_next_call() -> None:
    async def check() -> None:
        async with serving() as (calls, client):
            answers = [client.expect() for _ in range(4)]
            client.send_raw(BEHIND * 4)
            for answer in answers:
                call = await calls()
                await call.respond(b"done")
                assert await answer.whole() == b"done"

    run_in_memory(check())


def test_head_and_body_leave_in_one_write() -> None:
    async def check() -> None:
        async with serving() as (calls, client):
            writes: list[bytes] = []
            client.transport._on_data = writes.append
            client.ask_raw(request())
            await (await calls()).respond(b"hello")
            assert len(writes) == 1
            client.ask_raw(request())
            call = await calls()
            await call.start()
            await call.write(b"hello", more_body=True)
            assert len(writes) == 2

    run_in_memory(check())


# --- ends -----------------------------------------------------------------------------------------------------------


def test_a_connection_without_answer_to_take_leaves_nothing_behind() -> None:
    async def check() -> None:
        async with serving() as (calls, client):
            client.ask_raw(request())
            call = await calls()
            client.leave(client.answers[0])
            await call.respond(b"too late")
            await client.server.settle()
            assert not client.server.kernel.connections
            assert not client.server.kernel.calls

    run_in_memory(check())


def test_answers_that_wait_for_others_are_dropped_with_the_connection() -> None:
    async def check() -> None:
        async with serving() as (calls, client):
            for _ in range(4):
                client.expect()
            client.send_raw(BEHIND * 4)
            await (await calls()).respond(b"done")
            client.leave(client.answers[0])
            await client.server.settle()
            assert not client.server.kernel.connections

    run_in_memory(check())


def test_a_half_closed_client_is_told_to_the_application_and_answered() -> None:
    async def check() -> None:
        async with serving() as (calls, client):
            answer = client.ask_raw(request())
            call = await calls()
            await call.body()
            client.half_close()
            assert await call.receive() == {"type": "http.disconnect"}
            await call.start()
            await call.write(b"hel", more_body=True)
            await call.write(b"lo")
            assert await answer.whole() == b"hello"
            await client.server.settle()
            assert not client.server.kernel.connections

    run_in_memory(check())


def test_refusals_tell_the_log_what_was_wrong_and_nothing_of_the_request() -> None:
    async def check() -> None:
        async with serving() as (_, client):
            answer = client.ask_raw(b"GET / HTTP/1.1\r\nHost: test\r\nS\x1becret: x\r\n\r\n")
            await answer.whole()
            [record] = client.server.log
            assert "control character" in record.getMessage()
            assert "ecret" not in record.getMessage()
            assert not client.server.access

    run_in_memory(check())


def test_http_1_0_keeps_an_unfinished_stream_apart_from_a_finished_one() -> None:
    async def check() -> None:
        async with serving() as (calls, client):
            answer = client.ask_raw(request(version=b"1.0"))
            call = await calls()
            await call.start()
            await call.write(b"half", more_body=True)
            client.server.kernel.cancel("over")
            assert not await answer.ended()
            assert client.reset

    run_in_memory(check())
