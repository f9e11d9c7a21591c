"""The life of a connection: deadlines, shutdown, and how it ends."""

from __future__ import annotations

import asyncio

from hyperframe.frame import DataFrame, GoAwayFrame, HeadersFrame, PingFrame, RstStreamFrame

from plugins.http_h2.tests.peer import PREFACE, Peer, connected, get, raw, serving
from tricorn.testing.calls import Calls
from tricorn.testing.memory_server import run_in_memory

NO_ERROR, ENHANCE_YOUR_CALM = 0, 11
LARGEST = (1 << 31) - 1


# --- deadlines ------------------------------------------------------------------------------------------------------


def test_a_silent_connection_is_closed() -> None:
    async def check() -> None:
        async with serving() as server:
            silent, begun = Peer(server, begin=False), Peer(server, begin=False)
            begun.send(PREFACE[:10])
            await server.advance(9)
            assert not silent.closed
            assert not begun.closed
            await server.advance(1)
            await silent.goaway(NO_ERROR)
            await begun.goaway(NO_ERROR)

    run_in_memory(check())


def test_an_idle_connection_is_closed_after_the_keep_alive_time() -> None:
    async def check() -> None:
        async with connected(timeout_keep_alive=5) as peer:
            for stream in (1, 3):
                peer.send(peer.request(stream))
                await peer.until(lambda: peer.ended(stream))  # noqa: B023
                await peer.server.advance(4)
                assert not peer.closed
            await peer.server.advance(1)
            frame = await peer.goaway(NO_ERROR)
            assert frame.last_stream_id == 3

    run_in_memory(check())


def test_a_connection_with_a_running_call_is_not_idle() -> None:
    async def check() -> None:
        calls = Calls()
        async with serving(calls.app) as server:
            peer = Peer(server)
            peer.send(peer.request(1))
            call = await calls()
            await server.advance(1000)
            await call.respond(b"done")
            await peer.until(lambda: peer.ended(1))
            assert not peer.closed

    run_in_memory(check())


def test_a_block_that_takes_too_long_ends_the_connection() -> None:
    async def check() -> None:
        async with connected() as peer:
            peer.send(peer.request(1))
            peer.send(raw(1, 0, 3, b"\x82"))
            for _ in range(3):
                await peer.server.advance(3)
                peer.send(raw(9, 0, 3, b"\x86"))
                assert not peer.closed
            await peer.server.advance(2)
            await peer.goaway(ENHANCE_YOUR_CALM)

    run_in_memory(check())


def test_what_the_client_does_not_take_is_not_thrown_away_by_the_keep_alive_time() -> None:
    async def check() -> None:
        calls = Calls()
        async with serving(calls.app) as server:
            peer = Peer(server)
            peer.transport.client_pause()
            peer.send(peer.request(1))
            call = await calls()
            await call.respond(b"x" * 50_000)
            for _ in range(5):
                await server.advance(20)
                peer.transport.client_take(1000)
            peer.transport.client_take()
            await peer.until(lambda: peer.ended(1))
            assert peer.body(1) == b"x" * 50_000
            await server.advance(31)
            await server.advance(6)
            await peer.goaway(NO_ERROR)

    run_in_memory(check())


def test_a_client_that_stays_after_goaway_is_cut() -> None:
    async def check() -> None:
        async with connected() as peer:
            peer.send(raw(6, 0, 0, b""))
            await peer.goaway(6)
            assert peer.server.kernel.connections
            await peer.server.advance(2)
            assert not peer.server.kernel.connections

    run_in_memory(check())


async def test_what_comes_after_goaway_is_dropped_and_bounded() -> None:
    async with connected() as peer:
        peer.send(raw(6, 0, 0, b""))
        await peer.goaway(6)
        for _ in range(100):
            peer.send(b"x" * 16384)
        await peer.server.settle()
        assert not peer.server.kernel.connections


# --- shutdown -------------------------------------------------------------------------------------------------------


async def test_an_idle_connection_is_closed_at_shutdown() -> None:
    async with connected() as peer:
        peer.send(peer.request(1))
        await peer.until(lambda: peer.ended(1))
        peer.server.kernel.drain()
        frame = await peer.goaway(NO_ERROR)
        assert frame.last_stream_id == 1


async def test_a_shutdown_is_announced_before_it_is_final() -> None:
    """Requests that were on their way are served: the client has been told of the end before the last one counts."""
    calls = Calls()
    async with serving(calls.app) as server:
        peer = Peer(server)
        peer.send(peer.request(1))
        first = await calls()
        server.kernel.drain()
        assert (await peer.next(GoAwayFrame)).last_stream_id == LARGEST
        ping = await peer.next(PingFrame)
        peer.send(peer.request(3), PingFrame(opaque_data=ping.opaque_data, flags=["ACK"]))
        assert (await peer.next(GoAwayFrame, count=2)).last_stream_id == 3
        peer.send(peer.request(5, get(method=b"POST"), end=False), DataFrame(5, b"x", flags=["END_STREAM"]))
        second = await calls()
        await second.respond(b"second")
        await first.respond(b"first")
        await peer.until(lambda: peer.closed)
        assert (peer.body(1), peer.body(3)) == (b"first", b"second")
        assert not peer.of(HeadersFrame, 5)
        assert not peer.of(RstStreamFrame)
        assert calls.count == 2


def test_a_client_that_does_not_answer_is_not_waited_for() -> None:
    async def check() -> None:
        calls = Calls()
        async with serving(calls.app) as server:
            peer = Peer(server)
            peer.send(peer.request(1))
            call = await calls()
            server.kernel.drain()
            await server.advance(1)
            assert (await peer.next(GoAwayFrame, count=2)).last_stream_id == 1
            assert not peer.closed
            await call.respond(b"done")
            await peer.until(lambda: peer.closed)
            assert peer.body(1) == b"done"

    run_in_memory(check())


def test_a_connection_that_has_just_been_made_may_bring_its_request_during_a_shutdown() -> None:
    async def check() -> None:
        async with serving() as server:
            before = Peer(server)
            server.kernel.drain()
            after = Peer(server)
            for peer in (before, after):
                peer.send(peer.request(1))
                assert await peer.status(1) == 200
            await server.advance(1)
            for peer in (before, after):
                await peer.until(lambda: peer.closed)  # noqa: B023

    run_in_memory(check())


async def test_the_end_of_input_ends_everything() -> None:
    calls = Calls()
    async with serving(calls.app) as server:
        peer = Peer(server)
        peer.send(peer.request(1))
        call = await calls()
        await call.body()
        receiving = asyncio.ensure_future(call.receive())
        await server.settle(2)
        peer.transport.client_eof()
        assert await receiving == {"type": "http.disconnect"}
        await server.settle()
        assert not server.kernel.connections
