"""The sending half of an HTTP/1 connection: who is slow while what it sends has to wait, and when answers leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from tricorn.testing.calls import Call, Calls
from tricorn.testing.http1_base import BEHIND, request
from tricorn.testing.http1_client import Http1Client
from tricorn.testing.memory_server import memory_server, run_in_memory
from tricorn.testing.strict import STRICT

LARGE = b"x" * 200_000
"""More than a transport keeps before it lets us wait."""
POST = request(b"Content-Length: 200000", method=b"POST")
CHUNKED = request(b"Transfer-Encoding: chunked", method=b"POST")

Check = Callable[[Calls, Http1Client], Awaitable[None]]


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[tuple[Calls, Http1Client]]:
    calls = Calls()
    async with memory_server(calls.app, STRICT, **options) as server:
        yield calls, Http1Client(server)


def in_memory(**options: Any) -> Callable[[Check], Callable[[], None]]:
    """Run a test against a server with these options, whose clock it may move."""

    def decorate(check: Check) -> Callable[[], None]:
        async def play() -> None:
            async with serving(**options) as (calls, client):
                await check(calls, client)

        def test() -> None:
            run_in_memory(play())

        test.__name__ = check.__name__
        return test

    return decorate


async def begun(calls: Calls, client: Http1Client) -> tuple[Call, asyncio.Future[None]]:
    """A call whose answer does not go on, because its client takes nothing."""
    call = await calls()
    client.pause()
    await call.start()
    sending = asyncio.ensure_future(call.write(LARGE, more_body=True))
    await client.server.settle()
    assert not sending.done()
    return call, sending


# --- deadlines of a client that was slow to take --------------------------------------------------------------------


@in_memory()
async def test_an_application_may_pause_between_two_reads_though_its_client_was_slow(
    calls: Calls, client: Http1Client
) -> None:
    """The rest of the body stays with the client meanwhile: it cannot be late."""
    answer = client.ask_raw(POST + LARGE[:100_000], method=b"POST")
    call, sending = await begun(calls, client)
    assert not client.transport.is_reading()
    client.resume()
    await sending
    await client.server.advance(1000)
    client.send_raw(LARGE[100_000:])
    assert await call.body() == LARGE
    await call.write(b"end")
    assert await answer.whole() == LARGE + b"end"


@in_memory(timeout_write=5, timeout_request_body=100)
async def test_the_time_to_take_is_not_the_time_to_send(calls: Calls, client: Http1Client) -> None:
    answer = client.ask_raw(CHUNKED, method=b"POST")
    call, sending = await begun(calls, client)
    client.resume()
    await sending
    await client.server.advance(90)
    client.send_raw(b"5\r\nhello\r\n0\r\n\r\n")
    assert await call.body() == b"hello"
    await call.write(b"end")
    assert await answer.whole() == LARGE + b"end"


@in_memory(timeout_write=30, timeout_request_body=30)
async def test_a_body_that_stops_after_an_answer_was_taken_is_cut(calls: Calls, client: Http1Client) -> None:
    answer = client.ask_raw(CHUNKED, method=b"POST")
    _, sending = await begun(calls, client)
    await client.server.advance(20)
    client.resume()
    await sending
    await client.server.advance(29)
    assert not client.closed
    await client.server.advance(1)
    assert not await answer.ended()


@in_memory(timeout_write=30)
async def test_a_client_that_sends_and_does_not_take_is_cut(calls: Calls, client: Http1Client) -> None:
    answer = client.ask_raw(POST, method=b"POST")
    call, sending = await begun(calls, client)
    for _ in range(2):
        await client.server.advance(20)
        client.send_raw(b"x")
        await call.receive()
    await sending
    assert not await answer.ended()


@in_memory()
async def test_an_unread_body_for_which_reading_was_paused_gets_five_seconds(calls: Calls, client: Http1Client) -> None:
    answer = client.ask_raw(POST + LARGE[:100_000], method=b"POST")
    call = await calls()
    assert not client.transport.is_reading()
    await call.respond(b"early")
    assert await answer.whole() == b"early"
    await client.server.advance(4)
    assert not client.closed
    await client.server.advance(1)
    assert client.closed


@in_memory()
async def test_the_time_for_an_unread_body_begins_when_the_answer_has_been_taken(
    calls: Calls, client: Http1Client
) -> None:
    answer = client.ask_raw(POST, method=b"POST")
    call, sending = await begun(calls, client)
    ending = asyncio.ensure_future(call.write(b"end"))
    await client.server.advance(20)
    client.resume()
    await sending
    await ending
    assert await answer.whole() == LARGE + b"end"
    await client.server.advance(4)
    assert not client.closed
    await client.server.advance(1)
    assert client.closed


@in_memory()
async def test_the_last_answer_may_be_taken_slowly(calls: Calls, client: Http1Client) -> None:
    """What stands behind its request is dropped; the answer is not."""
    answer = client.ask_raw(request(b"Connection: close") + BEHIND)
    call = await calls()
    client.pause()
    waiting = asyncio.ensure_future(call.respond(LARGE))
    for _ in range(3):
        await client.server.advance(25)
        client.transport.client_take(100)
    client.resume()
    await waiting
    assert await answer.whole() == LARGE
    assert client.server.kernel.connections
    await client.server.advance(2)
    assert not client.server.kernel.connections


# --- when answers leave ---------------------------------------------------------------------------------------------


@in_memory()
async def test_an_answer_leaves_at_once_where_no_other_can_follow(calls: Calls, client: Http1Client) -> None:
    """Behind it in the pipeline is the body of its own request, which has not come."""
    answers = [client.expect() for _ in range(2)]
    client.send_raw(request() + POST)
    await (await calls()).respond(b"first")
    call = await calls()
    await call.respond(b"early")
    assert [answer.body for answer in answers] == [b"first", b"early"]


@in_memory()
async def test_the_end_of_a_stream_leaves_at_once_where_no_other_can_follow(calls: Calls, client: Http1Client) -> None:
    answer = client.ask_raw(CHUNKED)
    call = await calls()
    await call.start()
    await call.write(b"a", more_body=True)
    await call.write(b"b", more_body=True)
    await call.write(b"c")
    assert answer.complete
    assert answer.body == b"abc"


# --- ends -----------------------------------------------------------------------------------------------------------


@in_memory()
async def test_a_connection_whose_body_ends_during_a_shutdown_is_not_kept(calls: Calls, client: Http1Client) -> None:
    answer = client.ask_raw(request(b"Content-Length: 5", method=b"POST"), method=b"POST")
    await (await calls()).respond(b"early")
    assert await answer.whole() == b"early"
    client.server.kernel.drain()
    client.send_raw(b"hello")
    await client.server.advance(1)
    assert client.closed
