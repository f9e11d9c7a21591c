from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from kernel.tests.ws_ends import handshake
from tricorn.draining import drain
from tricorn.registry import Registry
from tricorn.testing.calls import Call, Calls
from tricorn.testing.memory_server import MemoryServer, memory_server, run_in_memory
from tricorn.testing.strict import STRICT
from tricorn.testing.ws_peer import CLOSE, TEXT, close_frame, parse
from tricorn.waiting import Changes

TOLD = [(CLOSE, b"\x03\xf4")]
OPTIONS = {"timeout_graceful_streams": 20, "ws_ping_interval": 0}
"""Times that the delays of a busy machine do not matter to."""


@pytest.fixture(autouse=True)
def all_lines() -> None:
    logging.getLogger("tricorn.error").setLevel("INFO")


class Shutdown:
    """A server with one WebSocket, which begins to drain where the test says so."""

    def __init__(self, server: MemoryServer) -> None:
        self.server = server
        self.received = bytearray()
        self.transport = server.connect(self.received.extend, lambda _: None)
        self.forced = False

    async def begin(self, limit: float | None = None) -> asyncio.Future[None]:
        kernel = self.server.kernel
        kernel.draining = True
        kernel.drain()
        drained = asyncio.ensure_future(drain(kernel, Changes(), lambda: self.forced, limit, lambda: None))
        self.begun = asyncio.get_running_loop().time()
        await self.server.settle()
        return drained

    async def at(self, seconds: float) -> None:
        """Go on to so many seconds after the beginning, or a moment later."""
        while asyncio.get_running_loop().time() < self.begun + seconds:
            await self.server.advance(0)

    @property
    def frames(self) -> list[tuple[int, bytes]]:
        """What the client has been sent behind the head."""
        _, _, data = bytes(self.received).partition(b"\r\n\r\n")
        return [(opcode, payload) for _, opcode, payload in parse(data)]

    @property
    def log(self) -> list[str]:
        return [record.getMessage() for record in self.server.log]


@asynccontextmanager
async def connecting(**options: Any) -> AsyncIterator[tuple[Shutdown, Call]]:
    """A WebSocket that its application has not accepted yet."""
    calls = Calls()
    registry = Registry()
    http, ws = registry.load("http", "h11").provider, registry.load("ws", "frames").provider
    async with memory_server(calls.app, http, ws=ws, **{**OPTIONS, **options}) as server:
        shutdown = Shutdown(server)
        shutdown.transport.client_send(handshake("/chat"))
        call = await calls()
        await call.receive()
        yield shutdown, call


@asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[tuple[Shutdown, Call]]:
    """An open WebSocket."""
    async with connecting(**options) as (shutdown, call):
        await call.send({"type": "websocket.accept"})
        yield shutdown, call


async def leave(shutdown: Shutdown, call: Call) -> None:
    """Application and client do what they should when they are told."""
    assert await call.receive() == {"type": "websocket.disconnect", "code": 1012, "reason": ""}
    shutdown.transport.client_send(close_frame(1012))
    shutdown.transport.client_eof()
    call.finish()


def in_memory(check: Callable[[], Any]) -> Callable[[], None]:
    def run() -> None:
        run_in_memory(check())

    run.__name__ = check.__name__
    return run


@in_memory
async def test_a_websocket_gets_to_send_its_answer_before_it_is_told() -> None:
    async with opened() as (shutdown, call):
        drained = await shutdown.begin()
        await shutdown.at(10)
        await call.send({"type": "websocket.send", "text": "answer"})
        assert shutdown.frames == [(TEXT, b"answer")]
        await shutdown.at(21)
        assert shutdown.frames == [(TEXT, b"answer"), *TOLD]
        assert "Ending 1 stream (WebSocket /chat)." in shutdown.log
        assert not drained.done()
        await leave(shutdown, call)
        await drained


@in_memory
async def test_a_websocket_that_is_accepted_late_is_told_too() -> None:
    async with connecting() as (shutdown, call):
        drained = await shutdown.begin()
        await shutdown.at(21)
        assert "Waiting for 1 request (WebSocket /chat)." in shutdown.log
        await call.send({"type": "websocket.accept"})
        assert shutdown.frames == []
        await shutdown.at(22)
        assert shutdown.frames == TOLD
        await leave(shutdown, call)
        await drained


@pytest.mark.parametrize("there", [True, False])
def test_an_application_that_does_not_notice_the_end_of_its_websocket_is_cancelled(there: bool) -> None:
    """It waits for what will not come from this server any more, and would for ever."""

    async def check() -> None:
        async with opened() as (shutdown, call):
            if not there:
                shutdown.transport.client_reset()
            drained = await shutdown.begin()
            await shutdown.at(21)
            assert shutdown.frames == (TOLD if there else [])
            shutdown.transport.client_eof()
            await shutdown.at(35)
            assert not call.done
            await shutdown.at(42)
            assert "Cancelling 1 stream not ended when told (WebSocket /chat)." in shutdown.log
            assert call.done
            await drained

    run_in_memory(check())


@in_memory
async def test_what_is_waited_for_cannot_forge_a_line() -> None:
    calls = Calls()
    async with memory_server(calls.app, STRICT, **OPTIONS) as server:
        shutdown = Shutdown(server)
        shutdown.transport.client_send(b'GET /a"b?c="d HTTP/1.1\r\nhost: test\r\n\r\n')
        call = await calls()
        drained = await shutdown.begin()
        await shutdown.at(21)
        assert "Waiting for 1 request (GET /a%22b?c=%22d)." in shutdown.log
        await call.respond()
        shutdown.transport.client_eof()
        await drained


@in_memory
async def test_an_application_that_has_noticed_may_take_its_time() -> None:
    async with opened() as (shutdown, call):
        drained = await shutdown.begin()
        await shutdown.at(21)
        with pytest.raises(OSError, match="closed"):
            await call.send({"type": "websocket.send", "text": "too late"})
        shutdown.transport.client_eof()
        await shutdown.at(50)
        assert not call.done
        call.finish()
        await drained


@in_memory
async def test_whoever_is_told_has_half_of_a_short_time_left() -> None:
    async with opened() as (shutdown, call):
        drained = await shutdown.begin(limit=30)
        await shutdown.at(10)
        assert shutdown.frames == []
        await shutdown.at(16)
        assert shutdown.frames == TOLD
        await leave(shutdown, call)
        await drained
        assert not any("Cancel" in line for line in shutdown.log)


@pytest.mark.parametrize("forced", [False, True])
def test_without_a_time_of_its_own_a_websocket_is_told_at_the_end(forced: bool) -> None:
    async def check() -> None:
        async with opened(timeout_graceful_streams=0) as (shutdown, call):
            drained = await shutdown.begin(limit=100)
            await shutdown.at(50)
            assert shutdown.frames == []
            shutdown.forced = forced
            await shutdown.at(51 if forced else 101)
            assert shutdown.frames == TOLD
            assert call.done
            await drained

    run_in_memory(check())


@in_memory
async def test_a_response_without_an_end_is_told_at_the_end_of_a_time_that_is_too_short() -> None:
    calls = Calls()
    http = Registry().load("http", "h11").provider
    async with memory_server(calls.app, http, **OPTIONS) as server:
        shutdown = Shutdown(server)
        shutdown.transport.client_send(b"GET /events HTTP/1.1\r\nhost: test\r\n\r\n")
        call = await calls()
        await call.start()
        await call.write(b"event", more_body=True)
        drained = await shutdown.begin(limit=30)
        await shutdown.at(16)
        assert await call.receive() == {"type": "http.request", "body": b"", "more_body": False}
        assert await call.receive() == {"type": "http.disconnect"}
        call.finish()
        await drained
