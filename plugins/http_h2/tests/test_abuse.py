"""Floods end in GOAWAY with ENHANCE_YOUR_CALM, in bounded memory, while others are served."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from hyperframe.frame import (
    DataFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from plugins.http_h2.tests.peer import Peer, connected, get, raw, serving
from tricorn.api import Receive, Scope, Send
from tricorn.testing.calls import Calls
from tricorn.testing.memory_server import run_in_memory
from tricorn_http_h2.testing import Http2Client

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 7, 8, 11
FLOOD = 5000

Flood = Callable[[Peer], Iterator[bytes]]


def opened(peer: Peer) -> bytes:
    return peer.request(1, get(method=b"POST"), end=False).serialize()


def same(frame: bytes) -> Flood:
    def flood(peer: Peer) -> Iterator[bytes]:
        yield opened(peer)
        for _ in range(FLOOD):
            yield frame

    return flood


def on_new_streams(*frames: Callable[[int], bytes], end: bool = False) -> Flood:
    def flood(peer: Peer) -> Iterator[bytes]:
        for stream in range(1, 2 * FLOOD, 2):
            yield peer.request(stream, end=end).serialize() + b"".join(frame(stream) for frame in frames)

    return flood


def endless_block(part: bytes) -> Flood:
    def flood(peer: Peer) -> Iterator[bytes]:
        yield raw(HEADERS, 0, 1, peer.block(get()))
        for _ in range(FLOOD):
            yield raw(CONTINUATION, 0, 1, part)

    return flood


def hpack_bomb(peer: Peer) -> Iterator[bytes]:
    """One entry of 4,000 bytes, and thousands of references to it."""
    yield raw(HEADERS, 5, 1, b"\x82\x86\x84\x01\x04test\x40\x01x\x7f\xa1\x1e" + b"y" * 4000)
    yield raw(HEADERS, 5, 3, b"\x82\x86\x84\x01\x04test" + b"\xbe" * 16000)


def malformed(peer: Peer) -> Iterator[bytes]:
    for stream in range(1, 2 * FLOOD, 2):
        yield raw(HEADERS, 5, stream, b"\x82")


FLOODS: dict[str, Flood] = {
    "rapid_reset": on_new_streams(lambda stream: raw(RST_STREAM, 0, stream, b"\0\0\0\x08")),
    "reset_of_closed_streams": same(raw(RST_STREAM, 0, 1, b"\0\0\0\x08")),
    "made_you_reset_by_empty_window_updates": on_new_streams(lambda stream: raw(WINDOW_UPDATE, 0, stream, bytes(4))),
    "made_you_reset_by_overflow": on_new_streams(lambda stream: raw(WINDOW_UPDATE, 0, stream, b"\x7f\xff\xff\xff")),
    "made_you_reset_by_data": on_new_streams(lambda stream: raw(DATA, 0, stream, b"x"), end=True),
    "malformed_requests": malformed,
    "too_many_streams": on_new_streams(),
    "endless_block": endless_block(b"\0\x01x\x01y" * 100),
    "endless_block_of_nothing": endless_block(b""),
    "hpack_bomb": hpack_bomb,
    "settings": same(raw(SETTINGS, 0, 0)),
    "settings_acknowledged": same(raw(SETTINGS, 1, 0)),
    "ping": same(raw(PING, 0, 0, bytes(8))),
    "ping_acknowledged": same(raw(PING, 1, 0, bytes(8))),
    "priority": same(raw(PRIORITY, 0, 1, bytes(5))),
    "priority_update": same(raw(16, 0, 0, b"\0\0\0\1u=1")),
    "window_update_of_the_connection": same(raw(WINDOW_UPDATE, 0, 0, b"\0\0\0\1")),
    "window_update_of_a_stream": same(raw(WINDOW_UPDATE, 0, 1, b"\0\0\0\1")),
    "empty_data": same(raw(DATA, 0, 1)),
    "padding": same(raw(DATA, 8, 1, b"\0")),
    "unknown_frames": same(raw(0xEE, 0, 0, b"x")),
    "goaway": same(raw(GOAWAY, 0, 0, bytes(8))),
}


@pytest.mark.parametrize("kind", FLOODS)
async def test_a_flood_ends_its_connection(kind: str) -> None:
    calls = Calls()
    async with serving(calls.app) as server:
        healthy = Http2Client(server)
        peer = Peer(server)
        for number, frames in enumerate(FLOODS[kind](peer)):
            peer.send(frames)
            if number == 20:
                answer = healthy.ask(target=b"/healthy")
                await server.settle()
                healthy_call = next(call for call in calls.made if call.scope["path"] == "/healthy")
                await healthy_call.respond(b"served")
                assert await answer.whole() == b"served"
            if peer.closed:
                break
        await peer.goaway(ENHANCE_YOUR_CALM)
        assert calls.count <= 102
        await server.settle()
        assert "was sent away" in server.log[-1].getMessage()


async def test_the_stream_limit_counts_calls_and_not_only_streams() -> None:
    """An application that goes on after its stream was reset still costs what it costs."""
    calls = Calls()
    async with serving(calls.app) as server:
        peer = Peer(server)
        for stream in range(1, 201, 2):
            peer.send(peer.request(stream))
            peer.send(RstStreamFrame(stream, error_code=CANCEL))
        await server.settle()
        assert calls.count == 100
        peer.send(peer.request(201))
        assert (await peer.next(RstStreamFrame, 201)).error_code == REFUSED_STREAM
        for call in calls.made:
            call.finish()
        await server.settle()
        peer.send(peer.request(203))
        await (await calls_after(calls, 100)).respond(b"done")
        assert await peer.status(203) == 200


async def calls_after(calls: Calls, count: int):  # type: ignore[no-untyped-def]
    """The first call behind so many."""
    for _ in range(count):
        await calls()
    return await calls()


async def test_streams_beyond_the_limit_are_refused_one_by_one() -> None:
    calls = Calls()
    async with serving(calls.app, h2_max_streams=10) as server:
        peer = Peer(server)
        assert (await peer.next(SettingsFrame)).settings[3] == 10
        peer.send(*[peer.request(stream) for stream in range(1, 31, 2)])
        for stream in range(21, 31, 2):
            assert (await peer.next(RstStreamFrame, stream)).error_code == REFUSED_STREAM
        await server.settle()
        assert calls.count == 10
        await calls.made[0].respond()
        peer.send(peer.request(31))
        await server.settle()
        assert calls.count == 11


def test_a_budget_refills_in_time() -> None:
    async def check() -> None:
        async with connected() as peer:
            for _ in range(5):
                for _ in range(900):
                    peer.send(PingFrame(opaque_data=bytes(8)))
                assert not peer.closed
                await peer.server.advance(4)
                peer.send(peer.request(2 * len(peer.fields) + 1))
                await peer.server.advance(4)
                peer.send(peer.request(2 * len(peer.fields) + 1))
                await peer.server.advance(1)
            assert not peer.closed

    run_in_memory(check())


async def test_the_many_window_updates_of_a_download_are_no_flood() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * (30 << 20)})

    async with serving(app) as server:
        client = Http2Client(server)
        assert len(await client.ask().whole()) == 30 << 20


async def test_the_limits_are_options() -> None:
    async with connected(h2_limit_control=20, h2_limit_resets=2) as peer:
        for _ in range(18):
            peer.send(PingFrame(opaque_data=bytes(8)))
        assert not peer.closed
        for stream in (1, 3, 5):
            peer.send(peer.request(stream, end=False), RstStreamFrame(stream, error_code=CANCEL))
        await peer.goaway(ENHANCE_YOUR_CALM)


# --- clients that do not read ---------------------------------------------------------------------------------------


async def test_answers_to_questions_wait_for_the_client_to_read() -> None:
    """Once the transport is full, the next PING or SETTINGS is the last that is read."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * (1 << 20)})

    async with connected(app) as peer:
        peer.send(SettingsFrame(settings={4: 1 << 20}), WindowUpdateFrame(0, 1 << 20))
        peer.transport.client_pause()
        peer.send(peer.request(1))
        await peer.server.settle()
        before = peer.transport.most
        for _ in range(500):
            peer.send(PingFrame(opaque_data=bytes(8)))
        assert not peer.transport.is_reading()
        assert peer.transport.most < before + 200
        peer.transport.client_take()
        await peer.until(lambda: len(peer.of(PingFrame)) == 500)
        await peer.until(lambda: peer.ended(1))


async def test_heads_wait_for_the_client_to_read() -> None:
    """Answers without a body need no window; a client that never reads must not collect them in the server."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": [(b"x", b"y" * 1000)]})
        await send({"type": "http.response.body"})

    async with connected(app) as peer:
        peer.transport.client_pause()
        for stream in range(1, 2 * FLOOD, 2):
            peer.send(peer.request(stream))
            await peer.server.settle(3)
            if peer.transport.is_closing() or len(peer.of(RstStreamFrame)) > 300:
                break
        assert peer.transport.most < 1 << 18
        peer.transport.client_take()
        await peer.goaway(ENHANCE_YOUR_CALM)
        assert len(peer.of(HeadersFrame)) < 200


async def test_a_thousand_answers_nobody_reads_stay_small() -> None:
    """Each application may be ahead of its client by the send buffer of its stream, and no further."""
    sent = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"x" * 16384, "more_body": True})
            sent += 16384

    async with connected(app) as peer:
        peer.send(SettingsFrame(settings={4: (1 << 31) - 1}), WindowUpdateFrame(0, (1 << 31) - 1 - 65535))
        peer.transport.client_pause()
        for stream in range(1, 201, 2):
            peer.send(peer.request(stream))
        await peer.server.settle(100)
        assert sent <= (1 << 21) + 100 * 2 * 16384 + (1 << 19)
        assert peer.transport.most <= 1 << 19


def test_a_transport_that_takes_nothing_is_cut() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * (1 << 20)})

    async def check() -> None:
        async with connected(app) as peer:
            peer.send(SettingsFrame(settings={4: 1 << 21}), WindowUpdateFrame(0, 1 << 21))
            peer.transport.client_pause()
            peer.send(peer.request(1))
            await peer.server.settle()
            for _ in range(3):
                await peer.server.advance(20)
                peer.transport.client_take(1000)
                assert not peer.closed
            for _ in range(2):
                await peer.server.advance(31)
            await peer.until(lambda: peer.closed)
            await peer.server.settle()
            assert not peer.server.kernel.connections

    run_in_memory(check())


# --- applications that do not read ----------------------------------------------------------------------------------


async def test_a_hundred_unread_uploads_stay_small() -> None:
    """A window does not grow before its application has read, and no other stream has to wait."""
    calls = Calls()
    async with serving(calls.app) as server:
        client = Http2Client(server)
        answers = [client.ask(b"POST", body=b"x" * (1 << 19)) for _ in range(100)]
        await server.settle(300)
        taken = sum((1 << 19) - client.unsent(answer) for answer in answers)
        assert taken <= 8 << 20
        for call in calls.made:
            assert len(await call.body()) == 1 << 19


async def test_a_frame_for_every_byte_takes_no_object_for_every_byte() -> None:
    calls = Calls()
    async with serving(calls.app) as server:
        peer = Peer(server)
        peer.send(opened(peer), SettingsFrame(flags=["ACK"]))
        call = await calls()
        tracemalloc.start()
        peer.send(DataFrame(1, b"xy").serialize() * 16000)
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert kept < 200_000
        assert len((await call.receive())["body"]) == 32000


async def test_windows_grow_out_of_one_pool() -> None:
    """Applications that have kept up and then stop reading leave one connection's window more than others do."""
    calls = Calls()
    async with serving(calls.app) as server:
        client = Http2Client(server)
        answers = [client.ask(b"POST", body=b"x" * (3 << 20)) for _ in range(20)]
        made = [await calls() for _ in answers]
        read = 0
        while read < 20 * (1 << 20):
            for call in made:
                read += len((await call.receive())["body"])
        await server.settle(300)
        unread = sum((3 << 20) - client.unsent(answer) for answer in answers) - read
        assert unread <= 20 * (65536 + 8192 + 32768) + (1 << 20)
        for call in made:
            await call.body()
            await call.respond(b"done")
        later = client.ask(b"POST", body=b"y" * (3 << 20))
        assert len(await (await calls()).body()) == 3 << 20
        assert client.unsent(later) == 0


async def test_a_single_byte_at_a_time_is_served() -> None:
    calls = Calls()
    async with serving(calls.app) as server:
        peer = Peer(server)
        peer.send(opened(peer))
        call = await calls()
        peer.send(b"".join(DataFrame(1, b"x").serialize() for _ in range(3000)), raw(DATA, 1, 1))
        assert await asyncio.wait_for(call.body(), 30) == b"x" * 3000
