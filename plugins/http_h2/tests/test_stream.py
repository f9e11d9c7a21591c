"""Streams: both windows, what waits, and how a stream ends."""

from __future__ import annotations

import asyncio

import pytest
from hyperframe.frame import (
    DataFrame,
    GoAwayFrame,
    HeadersFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from plugins.http_h2.tests.peer import Peer, connected, echo, get, serving
from tricorn.api import Receive, Scope, Send
from tricorn.testing.calls import Calls
from tricorn.testing.memory_server import run_in_memory
from tricorn_http_h2.connection import Http2Connection
from tricorn_http_h2.frames import FRAME_LIMIT
from tricorn_http_h2.sending import BURST
from tricorn_http_h2.testing import Http2Client

INITIAL_WINDOW_SIZE = 4
NO_ERROR, FLOW_CONTROL_ERROR, CANCEL = 0, 3, 8
MIB = 1 << 20


async def download(scope: Scope, receive: Receive, send: Send) -> None:
    """As many bytes as the path says, in pieces of 50,000."""
    left = int(scope["path"][1:])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while left > 50_000:
        left -= 50_000
        await send({"type": "http.response.body", "body": b"x" * 50_000, "more_body": True})
    await send({"type": "http.response.body", "body": b"x" * left})


# --- what we send ---------------------------------------------------------------------------------------------------


async def test_no_more_is_sent_than_the_window_of_the_stream() -> None:
    async with connected() as peer:
        peer.send(SettingsFrame(settings={INITIAL_WINDOW_SIZE: 1}), peer.request(1, get(b"/hello")))
        await peer.next(DataFrame, 1)
        await peer.server.settle()
        assert peer.body(1) == b"/"
        peer.send(WindowUpdateFrame(1, 2))
        await peer.server.settle()
        assert peer.body(1) == b"/he"
        peer.send(WindowUpdateFrame(1, 100))
        await peer.until(lambda: peer.ended(1))
        assert peer.body(1) == b"/hello"


async def test_no_more_is_sent_than_the_window_of_the_connection() -> None:
    async with connected(download) as peer:
        peer.send(SettingsFrame(settings={INITIAL_WINDOW_SIZE: MIB}))
        peer.send(peer.request(1, get(b"/50000")), peer.request(3, get(b"/50000")))
        await peer.server.settle(30)
        assert len(peer.body(1)) + len(peer.body(3)) == 65535
        peer.send(WindowUpdateFrame(0, 34_464))
        await peer.server.settle(30)
        assert len(peer.body(1)) + len(peer.body(3)) == 99_999
        peer.send(WindowUpdateFrame(0, 1))
        await peer.until(lambda: peer.ended(1) and peer.ended(3))


async def test_settings_change_the_windows_of_open_streams() -> None:
    async with connected() as peer:
        peer.send(SettingsFrame(settings={INITIAL_WINDOW_SIZE: 0}), peer.request(1, get(b"/hello")))
        await peer.status(1)
        await peer.server.settle()
        assert not peer.of(DataFrame)
        peer.send(SettingsFrame(settings={INITIAL_WINDOW_SIZE: 3}))
        await peer.next(DataFrame, 1)
        assert peer.body(1) == b"/he"


async def test_settings_may_make_a_window_negative() -> None:
    async with connected() as peer:
        peer.send(SettingsFrame(settings={INITIAL_WINDOW_SIZE: 3}), peer.request(1, get(b"/hello-world")))
        await peer.next(DataFrame, 1)
        peer.send(SettingsFrame(settings={INITIAL_WINDOW_SIZE: 2}), WindowUpdateFrame(1, 1))
        await peer.server.settle()
        assert peer.body(1) == b"/he"
        peer.send(WindowUpdateFrame(1, 1))
        await peer.until(lambda: peer.body(1) == b"/hel")


async def test_the_end_needs_no_window() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        await send({"type": "http.response.body"})

    async with connected(app) as peer:
        peer.send(SettingsFrame(settings={INITIAL_WINDOW_SIZE: 0}), peer.request(1))
        await peer.until(lambda: peer.ended(1))


async def test_frames_are_no_larger_than_every_client_takes() -> None:
    async with connected(download) as peer:
        peer.send(SettingsFrame(settings={INITIAL_WINDOW_SIZE: MIB, 5: MIB}), WindowUpdateFrame(0, MIB))
        peer.send(peer.request(1, get(b"/200000")))
        await peer.until(lambda: peer.ended(1))
        assert max(len(frame.data) for frame in peer.of(DataFrame)) == 16384


async def test_a_head_larger_than_a_frame_is_continued() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"y" * 40_000)]})
        await send({"type": "http.response.body"})

    async with connected(app) as peer:
        peer.send(peer.request(1))
        assert await peer.status(1) == 200
        assert (b"x", b"y" * 40_000) in peer.fields[1][0]
        assert peer.ended(1)


async def test_a_stream_without_window_blocks_its_application_and_no_other() -> None:
    async with connected(download) as peer:
        peer.send(WindowUpdateFrame(0, 8 * MIB), peer.request(1, get(b"/1000000")))
        await peer.until(lambda: len(peer.body(1)) == 65535)
        for stream in range(3, 21, 2):
            peer.send(peer.request(stream, get(b"/60000")))
            await peer.until(lambda: peer.ended(stream))  # noqa: B023
        assert len(peer.server.kernel.calls) == 1
        assert len(peer.body(1)) == 65535
        peer.send(WindowUpdateFrame(1, MIB))
        await peer.until(lambda: peer.ended(1))
        assert len(peer.body(1)) == 1_000_000


async def test_a_large_response_leaves_in_bursts() -> None:
    """Other connections get their turns of the loop in between; what waits is cut without being copied."""
    body = bytes(4 * MIB)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    async with connected(app) as peer:
        peer.send(SettingsFrame(settings={INITIAL_WINDOW_SIZE: 8 * MIB}), WindowUpdateFrame(0, 8 * MIB))
        peer.send(peer.request(1))
        [connection] = peer.server.kernel.connections
        assert isinstance(connection, Http2Connection)
        sent = 0
        while sent < len(body):
            await peer.server.settle(1)
            before, sent = sent, sum(len(frame.data) for frame in peer.of(DataFrame))
            assert sent - before <= BURST + FRAME_LIMIT
            if 0 < sent < len(body):
                [waiting] = connection.streams[1]._parts or ()
                assert isinstance(waiting, memoryview)
                assert waiting.obj is body


@pytest.mark.parametrize("window", [1, 1000, 65535, 8 * MIB])
async def test_large_downloads_never_stall(window: int) -> None:
    size = 3000 if window == 1 else 3 * MIB
    async with serving(download) as server:
        client = Http2Client(server)
        client.set_window(window)
        answers = [client.ask(target=b"/%d" % size) for _ in range(3)]
        for answer in answers:
            assert len(await answer.whole()) == size


# --- what we take ---------------------------------------------------------------------------------------------------


async def test_large_uploads_never_stall() -> None:
    async with serving() as server:
        client = Http2Client(server)
        answers = [client.ask(b"POST", body=bytes((number,)) * 3 * MIB) for number in range(3)]
        for number, answer in enumerate(answers):
            assert await answer.whole() == bytes((number,)) * 3 * MIB


async def test_an_unread_upload_stops_its_stream_and_no_other() -> None:
    calls = Calls()
    async with serving(calls.app) as server:
        client = Http2Client(server)
        stuck = [client.ask(b"POST", body=b"x" * MIB) for _ in range(4)]
        first = [await calls() for _ in stuck]
        await server.settle(50)
        assert all(client.unsent(answer) > 0 for answer in stuck)
        answer = client.ask(b"POST", body=b"y" * 3 * MIB)
        call = await calls()
        assert await call.body() == b"y" * 3 * MIB
        await call.respond(b"done")
        assert await answer.whole() == b"done"
        for call in first:
            assert await call.body() == b"x" * MIB


async def test_more_than_the_window_of_the_stream_resets_it() -> None:
    calls = Calls()
    async with serving(calls.app) as server:
        peer = Peer(server)
        peer.send(peer.request(1, get(method=b"POST"), end=False))
        await calls()
        peer.send(*[DataFrame(1, b"x" * 16384) for _ in range(20)])
        assert (await peer.next(RstStreamFrame, 1)).error_code == FLOW_CONTROL_ERROR


async def test_more_than_the_window_of_the_connection_ends_it() -> None:
    calls = Calls()
    async with serving(calls.app, h2_connection_window=65535) as server:
        peer = Peer(server)
        peer.send(peer.request(1, get(method=b"POST"), end=False))
        await calls()
        peer.send(b"".join(DataFrame(1, b"x" * 16384).serialize() for _ in range(5)))
        await peer.goaway(FLOW_CONTROL_ERROR)


async def test_padding_is_flow_controlled_and_given_back() -> None:
    calls = Calls()
    async with serving(calls.app) as server:
        peer = Peer(server)
        peer.send(peer.request(1, get(method=b"POST"), end=False))
        call = await calls()
        given = 0
        for number in range(3000):
            peer.send(DataFrame(1, b"x", flags=["PADDED"], pad_length=255))
            if number % 100 == 99:
                await call.receive()
        given = sum(frame.window_increment for frame in peer.of(WindowUpdateFrame, 1))
        assert given >= 3000 * 257 - 65535


# --- ends -----------------------------------------------------------------------------------------------------------


async def test_end_of_stream_on_the_head_ends_the_body() -> None:
    calls = Calls()
    async with serving(calls.app) as server:
        peer = Peer(server)
        peer.send(peer.request(1))
        assert await (await calls()).receive() == {"type": "http.request", "body": b"", "more_body": False}


@pytest.mark.parametrize("how", ["reset", "goaway", "eof", "lost"])
async def test_whoever_leaves_is_missed_at_once(how: str) -> None:
    """`receive` says disconnect and a blocked `send` returns."""
    calls = Calls()
    async with serving(calls.app) as server:
        peer = Peer(server)
        peer.send(peer.request(1))
        call = await calls()
        await call.body()
        receiving = asyncio.ensure_future(call.receive())
        await call.start()
        sending = asyncio.ensure_future(call.write(b"x" * MIB, more_body=True))
        await server.settle()
        assert not receiving.done()
        assert not sending.done()
        if how == "reset":
            peer.send(RstStreamFrame(1, error_code=CANCEL))
        elif how == "goaway":
            peer.send(GoAwayFrame(0, error_code=2))
        elif how == "eof":
            peer.transport.client_eof()
        else:
            peer.transport.client_reset()
        await server.settle(3)
        assert receiving.result() == {"type": "http.disconnect"}
        assert sending.done()


async def test_goaway_without_an_error_lets_streams_finish() -> None:
    calls = Calls()
    async with serving(calls.app) as server:
        peer = Peer(server)
        peer.send(peer.request(1))
        call = await calls()
        peer.send(GoAwayFrame(0))
        await server.settle()
        await call.respond(b"done")
        await peer.until(lambda: peer.ended(1))
        await peer.goaway(NO_ERROR)


async def test_a_request_reset_in_the_read_that_brought_it_never_starts() -> None:
    calls = Calls()
    async with serving(calls.app) as server:
        peer = Peer(server)
        peer.send(peer.request(1), RstStreamFrame(1, error_code=CANCEL), peer.request(3))
        await calls()
        await server.settle()
        assert calls.count == 1


async def test_the_rest_of_a_small_body_is_taken_after_the_response() -> None:
    calls = Calls()
    async with serving(calls.app) as server:
        peer = Peer(server)
        peer.send(peer.request(1, get(method=b"POST"), end=False))
        await (await calls()).respond(b"early")
        await peer.until(lambda: peer.ended(1))
        peer.send(DataFrame(1, b"x" * 10_000), DataFrame(1, b"", flags=["END_STREAM"]))
        await peer.alive()
        assert not peer.of(RstStreamFrame)
        (connection,) = server.kernel.connections
        assert not connection.streams  # type: ignore[attr-defined]


@pytest.mark.parametrize("announced", [True, False])
async def test_the_rest_of_a_large_body_is_refused_after_the_response(announced: bool) -> None:
    calls = Calls()
    async with serving(calls.app) as server:
        peer = Peer(server)
        length = [(b"content-length", b"1000000")] if announced else []
        peer.send(peer.request(1, [*get(method=b"POST"), *length], end=False))
        await (await calls()).respond(b"early")
        await peer.until(lambda: peer.ended(1))
        if not announced:
            for _ in range(17):
                peer.send(DataFrame(1, b"x" * 16384))
                await server.settle(1)
        assert (await peer.next(RstStreamFrame, 1)).error_code == NO_ERROR
        peer.send(DataFrame(1, b"x" * 16384))
        await peer.alive()


async def test_an_unfinished_response_is_cut_visibly() -> None:
    calls = Calls()
    async with serving(calls.app) as server:
        peer = Peer(server)
        peer.send(peer.request(1))
        call = await calls()
        await call.start()
        await call.write(b"begun", more_body=True)
        call.fail(RuntimeError())
        assert (await peer.next(RstStreamFrame, 1)).error_code == 2
        await peer.alive()


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_its_limit_is_refused(announced: bool) -> None:
    calls = Calls()
    async with serving(calls.app, limit_request_body=1000) as server:
        peer = Peer(server)
        length = [(b"content-length", b"1001")] if announced else []
        peer.send(peer.request(1, [*get(method=b"POST"), *length], end=False))
        await server.settle()
        peer.send(DataFrame(1, b"x" * 1000), DataFrame(1, b"x", flags=["END_STREAM"]))
        assert await peer.status(1) == 413
        await server.settle()
        assert calls.count == (0 if announced else 1)
        if not announced:
            assert await (await calls()).receive() == {"type": "http.disconnect"}
        await peer.alive()


async def test_a_body_over_its_limit_cuts_a_response_that_has_begun() -> None:
    calls = Calls()
    async with serving(calls.app, limit_request_body=1000) as server:
        peer = Peer(server)
        peer.send(peer.request(1, get(method=b"POST"), end=False))
        await (await calls()).start()
        await peer.status(1)
        peer.send(DataFrame(1, b"x" * 1001))
        assert (await peer.next(RstStreamFrame, 1)).error_code == CANCEL
        await peer.alive()


# --- besides the response -------------------------------------------------------------------------------------------


async def test_100_continue_is_sent_when_the_application_reads() -> None:
    calls = Calls()
    async with serving(calls.app) as server:
        peer = Peer(server)
        peer.send(peer.request(1, [*get(method=b"POST"), (b"expect", b"100-continue")], end=False))
        call = await calls()
        await server.settle()
        assert not peer.of(HeadersFrame)
        body = asyncio.ensure_future(call.body())
        assert await peer.status(1) == 100
        peer.send(DataFrame(1, b"hello", flags=["END_STREAM"]))
        assert await body == b"hello"
        await call.respond()
        await peer.until(lambda: peer.ended(1))
        assert [dict(fields)[b":status"] for fields in peer.fields[1]] == [b"100", b"200"]


async def test_a_client_that_waits_for_100_gets_the_answer_and_need_not_send() -> None:
    calls = Calls()
    async with serving(calls.app) as server:
        peer = Peer(server)
        peer.send(peer.request(1, [*get(method=b"POST"), (b"expect", b"100-continue")], end=False))
        await (await calls()).respond(b"no", 403)
        assert await peer.status(1) == 403
        assert (await peer.next(RstStreamFrame, 1)).error_code == NO_ERROR


# --- deadlines ------------------------------------------------------------------------------------------------------


def test_a_body_that_stops_is_answered_408() -> None:
    async def check() -> None:
        calls = Calls()
        async with serving(calls.app) as server:
            peer = Peer(server)
            peer.send(peer.request(1, get(method=b"POST"), end=False))
            call = await calls()
            await server.advance(20)
            peer.send(DataFrame(1, b"x"))
            await server.advance(20)
            assert not peer.of(HeadersFrame)
            await server.advance(11)
            assert await peer.status(1) == 408
            await server.settle()
            await call.receive()
            assert await call.receive() == {"type": "http.disconnect"}

    run_in_memory(check())


def test_an_application_that_does_not_read_is_no_fault_of_the_client() -> None:
    async def check() -> None:
        calls = Calls()
        async with serving(calls.app) as server:
            client = Http2Client(server)
            answer = client.ask(b"POST", body=b"x" * MIB)
            call = await calls()
            await server.settle()
            await server.advance(100)
            assert await call.body() == b"x" * MIB
            await call.respond(b"done")
            assert await answer.whole() == b"done"

    run_in_memory(check())


def test_a_window_that_stays_closed_ends_its_stream() -> None:
    async def check() -> None:
        async with serving(download) as server:
            peer = Peer(server)
            peer.send(peer.request(1, get(b"/1000000")))
            await peer.until(lambda: len(peer.body(1)) == 65535)
            for _ in range(4):
                await server.advance(20)
                peer.send(WindowUpdateFrame(0, 1000), WindowUpdateFrame(1, 1000))
                await server.settle()
            assert not peer.of(RstStreamFrame)
            await server.advance(31)
            assert (await peer.next(RstStreamFrame, 1)).error_code == CANCEL
            await server.settle()
            assert not server.kernel.calls

    run_in_memory(check())


def test_a_body_nobody_wants_is_waited_for_only_briefly() -> None:
    async def check() -> None:
        calls = Calls()
        async with serving(calls.app) as server:
            peer = Peer(server)
            peer.send(peer.request(1, get(method=b"POST"), end=False))
            await (await calls()).respond(b"early")
            await server.advance(5.2)
            assert (await peer.next(RstStreamFrame, 1)).error_code == NO_ERROR

    run_in_memory(check())


async def test_the_echo_of_the_tests_hears_a_disconnect() -> None:
    """The other tests rely on it: a reset request leaves no call behind."""
    async with serving(echo) as server:
        peer = Peer(server)
        peer.send(peer.request(1, end=False))
        await server.settle()
        assert len(server.kernel.calls) == 1
        peer.send(RstStreamFrame(1, error_code=CANCEL))
        await server.settle()
        assert not server.kernel.calls
