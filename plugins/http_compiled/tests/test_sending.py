"""What the compiled `send` returns is as good as a coroutine."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections import UserDict
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import tricorn_http_compiled
from tricorn.api import Scope
from tricorn.testing.memory_server import memory_server, run_in_memory
from tricorn_http_compiled import machine

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
BODY = {"type": "http.response.body", "body": b"ok"}
Use = Callable[[Any], Awaitable[None]]


def answer(use: Use) -> bytes:
    """What the client gets from an application that uses `send` so."""
    received = bytearray()
    done = []

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        await use(send)
        done.append(True)

    async def check() -> None:
        async with memory_server(app, tricorn_http_compiled.tricorn_http()) as server:
            transport = server.connect(received.extend, lambda aborted: None)
            transport.client_send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
            await server.settle()

    run_in_memory(check())
    assert done, f"the application failed; the client got {bytes(received)!r}"
    return bytes(received).partition(b"\r\n\r\n")[2]


def test_whoever_asks_finds_a_coroutine_function() -> None:
    async def use(send: Any) -> None:
        assert inspect.iscoroutinefunction(send) or asyncio.iscoroutinefunction(send)
        call = send(START)
        assert asyncio.iscoroutine(call)
        assert inspect.isawaitable(call)
        await call
        await send(BODY)

    assert answer(use) == b"ok"


def test_nothing_is_sent_before_it_is_awaited() -> None:
    async def use(send: Any) -> None:
        late = send(BODY)
        await send(START)
        await late

    assert answer(use) == b"ok"


def test_it_runs_as_a_task_and_driven_by_hand() -> None:
    async def use(send: Any) -> None:
        await asyncio.create_task(send(START))
        with pytest.raises(StopIteration):
            send(BODY).send(None)

    assert answer(use) == b"ok"


def test_it_ends_once() -> None:
    async def use(send: Any) -> None:
        for call in (send(START), send(BODY)):
            await call
            call.close()
            with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
                await call

    assert answer(use) == b"ok"


def test_one_that_was_closed_or_thrown_into_sends_nothing() -> None:
    async def use(send: Any) -> None:
        closed, thrown = send(BODY), send(BODY)
        closed.close()
        with pytest.raises(LookupError):
            thrown.throw(LookupError())
        for call in (closed, thrown):
            with pytest.raises(RuntimeError, match="cannot reuse"):
                await call
        await send(START)
        await send(BODY)

    assert answer(use) == b"ok"


def test_forgetting_to_await_it_is_warned_of() -> None:
    async def use(send: Any) -> None:
        with pytest.warns(RuntimeWarning, match=r"coroutine '(Exchange\.)?send' was never awaited"):
            send(BODY)
        await send(START)
        await send(BODY)

    assert answer(use) == b"ok"


def test_any_mapping_is_an_event_and_what_is_none_raises() -> None:
    async def use(send: Any) -> None:
        with pytest.raises(TypeError):
            await send(None)
        with pytest.raises(KeyError):
            await send({})
        await send(UserDict(START))
        await send(UserDict(BODY))

    assert answer(use) == b"ok"


def test_an_error_that_would_end_a_coroutine_is_an_error() -> None:
    class Headers(list[Any]):
        def __iter__(self) -> Any:
            raise StopIteration

    async def use(send: Any) -> None:
        with pytest.raises(RuntimeError, match="raised StopIteration"):
            await send({"type": "http.response.start", "status": 200, "headers": Headers()})
        await send(START)
        await send(BODY)

    assert answer(use) == b"ok"


def test_one_that_waits_can_be_cancelled_and_goes_on_when_there_is_room() -> None:
    sent = []

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        for size in (1 << 20, 1):
            call = send({"type": "http.response.body", "body": b"x" * size, "more_body": True})
            # Before Python 3.11 a function of Cython cannot be marked, and makes real coroutines.
            assert (type(call) is machine.Sending) is (sys.version_info >= (3, 11))
            try:
                await asyncio.wait_for(call, 1)
            except asyncio.TimeoutError:
                sent.append(None)
            else:
                sent.append(size)

    async def check() -> None:
        received = bytearray()
        async with memory_server(app, tricorn_http_compiled.tricorn_http()) as server:
            transport = server.connect(received.extend, lambda aborted: None)
            transport.client_pause()
            transport.client_send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
            await server.settle()
            assert sent == []
            await server.advance(1)
            assert sent == [None]
            transport.client_take()
            await server.settle()
            assert sent == [None, 1]

    run_in_memory(check())
