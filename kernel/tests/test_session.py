"""WebSockets over real sockets: what the application sees, what the peer sees, and who waits for whom."""

from __future__ import annotations

import asyncio
import logging
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from hashlib import sha1
from typing import Any

import pytest
from websockets.asyncio.client import connect as ws_connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError

from kernel.tests.ws_ends import (
    DEADLINE,
    KEY,
    Call,
    Calls,
    Client,
    connect,
    handshake,
    opened,
    opened_in_memory,
    serving,
    until,
)
from tricorn import incoming, session
from tricorn.registry import Registry
from tricorn.testing.memory_server import memory_server, run_in_memory
from tricorn.testing.ws_peer import BINARY, CLOSE, CONT, PING, PONG, TEXT, close_frame, frame, parse

WS = ("frames", "websockets", "wsproto")
CLOSED_1006 = {"type": "websocket.disconnect", "code": 1006, "reason": ""}


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Call, Client]]:
    async with opened() as ends:
        yield ends


async def echo(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({**event, "type": "websocket.send"})


def text(data: str) -> dict[str, Any]:
    return {"type": "websocket.receive", "text": data}


# --- the handshake ----------------------------------------------------------------------------------------------------


async def test_the_scope_says_what_the_asgi_specification_asks_for() -> None:
    calls = Calls()
    head = handshake("/a%20b?x=1", "Sec-WebSocket-Protocol: chat, superchat", "Sec-WebSocket-Protocol: other", "X-A: b")
    async with serving(calls, root_path="/root") as url, connect(url, head) as client:
        call = await calls.next()
        scope = call.scope
        assert "method" not in scope
        assert scope["type"] == "websocket"
        assert scope["asgi"] == {"version": "3.0", "spec_version": "2.4"}
        assert (scope["http_version"], scope["scheme"]) == ("1.1", "ws")
        assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/root/a b", b"/root/a%20b", b"x=1")
        assert scope["subprotocols"] == ["chat", "superchat", "other"]
        assert (b"x-a", b"b") in scope["headers"]
        assert scope["extensions"] == {"websocket.http.response": {}}
        assert scope["client"] == client.writer.get_extra_info("sockname")
        assert scope["state"] == {}
        call.finish()


async def test_accepting_sends_the_subprotocol_and_the_headers_of_the_application() -> None:
    calls = Calls()
    async with serving(calls) as url, connect(url, handshake()) as client:
        call = await calls.next()
        await call.accept(subprotocol="chat", headers=[(b"X-Own", b"1"), (b"Set-Cookie", b"a=b")])
        lines = (await client.head()).decode().split("\r\n")
        proof = b64encode(sha1(KEY + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()
        assert lines[0] == "HTTP/1.1 101 Switching Protocols"
        fields = [line.lower().partition(": ")[::2] for line in lines[1:-2]]
        names = [name for name, _ in fields]
        assert ("sec-websocket-accept", proof.lower()) in fields
        assert {("sec-websocket-protocol", "chat"), ("x-own", "1"), ("set-cookie", "a=b")} <= set(fields)
        assert {"date", "server", "upgrade", "connection"} <= set(names)
        assert len(names) == len(set(names))
        call.finish()


@pytest.mark.parametrize(
    "event",
    [
        {"headers": [(b"x-a", b"b\r\nx-c: d")]},
        {"headers": [(b"sec-websocket-accept", b"x")]},
        {"headers": [("x-a", "b")]},
        {"subprotocol": "a\r\nb"},
    ],
)
async def test_an_answer_that_must_not_be_sent_is_an_error_and_a_500(event: dict[str, Any]) -> None:
    calls = Calls()
    async with serving(calls) as url, connect(url, handshake()) as client:
        call = await calls.next()
        with pytest.raises((ValueError, TypeError, RuntimeError)) as caught:
            await call.accept(**event)
        call.finish(caught.value)
        assert (await client.rest()).startswith(b"HTTP/1.1 500 ")


async def test_closing_before_accepting_is_403(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tricorn.error")
    calls = Calls()
    # What stands behind the handshake was meant as frames, and must not be read as a request.
    async with serving(calls) as url, connect(url, handshake('/a"b') + handshake("/smuggled")) as client:
        call = await calls.next()
        await call.receive()
        await call.send({"type": "websocket.close", "code": 1000})
        head, _, body = (await client.rest()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 403 Forbidden\r\n")
        assert b"content-length: 0" in head
        assert b"connection: close" in head
        assert body == b""
        assert await call.receive() == CLOSED_1006
        call.finish()
    lines = [record.getMessage() for record in caplog.records if "WebSocket" in record.getMessage()]
    assert len(lines) == 1
    assert lines[0].endswith(' - "WebSocket /a%22b" 403')


async def test_a_denial_is_the_response_of_the_application() -> None:
    calls = Calls()
    async with serving(calls) as url, connect(url, handshake()) as client:
        call = await calls.next()
        await call.receive()
        start = {"type": "websocket.http.response.start", "status": 401, "headers": [(b"www-authenticate", b"Basic")]}
        await call.send(start)
        await call.send({"type": "websocket.http.response.body", "body": b"log ", "more_body": True})
        with pytest.raises(RuntimeError, match="websocket.http.response.body"):
            await call.send({"type": "websocket.accept"})
        await call.send({"type": "websocket.http.response.body", "body": b"in"})
        answer = await client.rest()
        assert answer.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
        assert b"\r\nwww-authenticate: Basic\r\n" in answer
        assert b"\r\nconnection: close\r\n" in answer
        assert answer.endswith(b"\r\n\r\n4\r\nlog \r\n2\r\nin\r\n0\r\n\r\n")
        assert await call.receive() == CLOSED_1006
        call.finish()


@pytest.mark.parametrize("error", [RuntimeError("broken"), SystemExit(3), None])
async def test_an_application_that_ends_before_its_answer_is_500(
    error: BaseException | None, caplog: pytest.LogCaptureFixture
) -> None:
    calls = Calls()
    async with serving(calls) as url, connect(url, handshake()) as client:
        call = await calls.next()
        call.finish(error)
        answer = await client.rest()
    assert answer.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert answer.endswith(b"\r\n\r\nInternal Server Error")
    expected = "Exception in ASGI application" if error else "ASGI callable returned without completing handshake."
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [expected]


async def test_a_denial_that_is_not_completed_is_cut() -> None:
    calls = Calls()
    async with serving(calls) as url, connect(url, handshake()) as client:
        call = await calls.next()
        await call.send({"type": "websocket.http.response.start", "status": 404})
        await call.send({"type": "websocket.http.response.body", "body": b"not ", "more_body": True})
        assert (await client.head()).startswith(b"HTTP/1.1 404 ")
        call.finish(RuntimeError("broken"))
        assert not (await client.rest()).endswith(b"0\r\n\r\n")


async def test_a_client_that_leaves_before_the_answer_is_a_disconnect_and_an_oserror() -> None:
    calls = Calls()
    async with serving(calls) as url, connect(url, handshake()) as client:
        call = await calls.next()
        assert await call.receive() == {"type": "websocket.connect"}
        waiting = asyncio.ensure_future(call.receive())
        client.writer.close()
        assert await waiting == CLOSED_1006
        with pytest.raises(OSError, match="closed"):
            await call.send({"type": "websocket.accept"})
        call.finish()


async def test_bytes_behind_the_handshake_are_frames() -> None:
    async with opened(head=handshake() + frame(TEXT, b"early") + frame(PING, b"1")) as (call, client):
        assert await call.receive() == text("early")
        assert await client.frame() == (PONG, b"1")


async def test_the_log_says_accepted_open_and_closed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tricorn.error")
    async with opened(head=handshake("/chat?room=1")) as (call, client):
        host, port = client.writer.get_extra_info("sockname")
        call.finish()
        client.write(close_frame(1000))
        await client.rest()
    lines = [record.getMessage() for record in caplog.records]
    expected = [f'{host}:{port} - "WebSocket /chat?room=1" [accepted]', "connection open", "connection closed"]
    assert [line for line in lines if line in expected] == expected


# --- messages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", ["deflate", None])
@pytest.mark.parametrize("ws", WS)
async def test_messages_are_echoed_to_a_real_client(ws: str, compression: str | None) -> None:
    async with serving(echo, ws=ws) as url:
        address = url.replace("http", "ws")
        async with ws_connect(address, compression=compression, max_size=None) as client:
            for data in ("", "κόσμε", b"", b"\x00\xff", "x" * 70_000, bytes(3_000_000)):
                await client.send(data)
                assert await client.recv() == data
            for number in range(500):
                await client.send(str(number))
            assert [await client.recv() for _ in range(500)] == [str(number) for number in range(500)]
            await client.send(["in ", "frag", "ments"])
            assert await client.recv() == "in fragments"
            await asyncio.wait_for(await client.ping(), DEADLINE)


async def test_an_event_has_either_text_or_bytes(pair: tuple[Call, Client]) -> None:
    call, client = pair
    client.write(frame(TEXT, b"a"), frame(BINARY, b"b"))
    assert await call.receive() == {"type": "websocket.receive", "text": "a"}
    assert await call.receive() == {"type": "websocket.receive", "bytes": b"b"}
    await call.send({"type": "websocket.send", "text": "c", "bytes": None})
    await call.send({"type": "websocket.send", "text": None, "bytes": bytearray(b"d")})
    assert [await client.frame(), await client.frame()] == [(TEXT, b"c"), (BINARY, b"d")]


async def test_events_that_are_wrong_are_errors_and_nothing_is_sent(pair: tuple[Call, Client]) -> None:
    call, client = pair
    for event, error in (
        ({"type": "websocket.send"}, TypeError),
        ({"type": "websocket.send", "text": b"x"}, TypeError),
        ({"type": "websocket.send", "bytes": "x"}, TypeError),
        ({"type": "websocket.accept"}, RuntimeError),
        ({"type": "http.response.start", "status": 200}, RuntimeError),
        ({"type": "websocket.close", "code": 1006}, ValueError),
        ({"type": "websocket.close", "code": 5000}, ValueError),
    ):
        with pytest.raises(error):
            await call.send(event)
    await call.text("still open")
    assert await client.frame() == (TEXT, b"still open")


async def test_several_tasks_may_receive(pair: tuple[Call, Client]) -> None:
    call, client = pair
    waiting = [asyncio.ensure_future(call.receive()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    await asyncio.sleep(0)
    client.write(frame(TEXT, b"1"), frame(TEXT, b"2"))
    events = await asyncio.gather(waiting[0], waiting[2])
    assert sorted(event["text"] for event in events) == ["1", "2"]


async def test_cancelled_receives_lose_no_message_and_leave_nothing_behind(pair: tuple[Call, Client]) -> None:
    call, client = pair
    for _ in range(100):
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(call._receive(), 0)
        receive = asyncio.ensure_future(call._receive())
        await asyncio.sleep(0)
        receive.cancel()
        await asyncio.sleep(0)
    await client.text("hello")
    assert await call.receive() == text("hello")
    assert call._receive.__self__._others == []


# --- closing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ws", WS)
async def test_the_application_sees_the_close_code_of_the_peer(ws: str) -> None:
    async with opened(ws) as (call, client):
        client.write(close_frame(4001, b"bye"))
        disconnect = {"type": "websocket.disconnect", "code": 4001, "reason": "bye"}
        assert await call.receive() == disconnect
        assert await client.frames() == [(CLOSE, b"\x0f\xa1bye")]
        assert await call.receive() == disconnect
        with pytest.raises(OSError, match="closed"):
            await call.text("late")
        with pytest.raises(OSError, match="closed"):
            await call.send({"type": "websocket.close"})


async def test_a_close_frame_without_code_is_1005(pair: tuple[Call, Client]) -> None:
    call, client = pair
    client.write(frame(CLOSE))
    assert (await call.receive())["code"] == 1005
    assert await client.frames() == [(CLOSE, b"")]


async def test_a_lost_connection_is_1006(pair: tuple[Call, Client]) -> None:
    call, client = pair
    client.write(frame(TEXT, b"x"))
    client.writer.close()
    assert await call.receive() == text("x")
    assert await call.receive() == CLOSED_1006
    with pytest.raises(OSError, match="closed"):
        await call.text("late")


@pytest.mark.parametrize("ws", WS)
async def test_the_application_closes_with_code_and_reason(ws: str) -> None:
    async with opened(ws) as (call, client):
        await call.send({"type": "websocket.close", "code": 4002, "reason": "ä" * 100})
        with pytest.raises(RuntimeError, match="after sending 'websocket.close'"):
            await call.text("late")
        assert (await call.receive())["code"] == 4002
        assert await client.frame() == (CLOSE, b"\x0f\xa2" + "ä".encode() * 61)
        client.write(frame(TEXT, b"dropped"), close_frame(4002))
        assert await client.rest() == b""


@pytest.mark.parametrize(("error", "code"), [(None, 1000), (RuntimeError("broken"), 1011)])
async def test_an_application_that_ends_closes(error: Exception | None, code: int) -> None:
    async with opened() as (call, client):
        call.finish(error)
        assert await client.frame() == (CLOSE, code.to_bytes(2, "big"))
        client.write(close_frame(code))
        assert await client.rest() == b""


async def test_an_oserror_of_a_closed_websocket_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with opened() as (call, client):
        client.write(close_frame(1000))
        await call.receive()
        with pytest.raises(OSError, match="closed") as caught:
            await call.text("late")
        call.finish(caught.value)
        await client.rest()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("ws", WS)
async def test_messages_before_a_close_frame_are_answered_before_it(ws: str) -> None:
    async with serving(echo, ws=ws) as url, connect(url, handshake()) as client:
        await client.head()
        client.write(*(frame(TEXT, b"%d" % number) for number in range(50)), close_frame(1000, b"done"))
        client.writer.write_eof()
        expected = [(TEXT, b"%d" % number) for number in range(50)]
        assert await client.frames() == [*expected, (CLOSE, b"\x03\xe8done")]


@pytest.mark.parametrize("ws", WS)
async def test_messages_before_a_broken_frame_are_answered_before_the_verdict(ws: str) -> None:
    async with serving(echo, ws=ws) as url, connect(url, handshake()) as client:
        await client.head()
        client.write(frame(TEXT, b"a"), frame(TEXT, b"b"), frame(TEXT, b"\xff"), b"\xff" * 1000)
        *messages, (opcode, payload) = await client.frames()
        assert messages == [(TEXT, b"a"), (TEXT, b"b")]
        assert (opcode, payload[:2]) == (CLOSE, (1007).to_bytes(2, "big"))


async def test_a_verdict_reaches_the_application() -> None:
    async with opened(ws_max_size=10) as (call, client):
        client.write(frame(TEXT, b"x" * 11))
        assert (await call.receive())["code"] == 1009
        ((opcode, payload),) = await client.frames()
        assert (opcode, payload[:2]) == (CLOSE, (1009).to_bytes(2, "big"))


async def test_an_application_that_does_not_read_holds_a_close_frame_for_a_moment_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "ANSWER_TIME", 0.05)
    async with opened() as (call, client):
        client.write(frame(TEXT, b"unread"), close_frame(1000))
        assert await client.frames() == [(CLOSE, b"\x03\xe8")]
        assert await call.receive() == text("unread")
        assert (await call.receive())["code"] == 1000


def test_a_peer_that_does_not_answer_our_close_frame_is_cut_off_after_ten_seconds() -> None:
    async def check() -> None:
        async with opened_in_memory() as ends:
            await ends.call.send({"type": "websocket.close"})
            assert ends.frames == [(CLOSE, b"\x03\xe8")]
            await ends.server.advance(9)
            assert not ends.transport.is_closing()
            await ends.server.advance(1)
            assert ends.transport.is_closing()

    run_in_memory(check())


async def test_a_shutdown_closes_with_1012_and_tells_the_application() -> None:
    calls = Calls()
    async with AsyncExitStack() as clients:
        async with serving(calls) as url:
            client = await clients.enter_async_context(connect(url, handshake()))
            call = await calls.next()
            await call.accept()
            await client.head()

            async def leave() -> None:
                assert await call.receive() == {"type": "websocket.disconnect", "code": 1012, "reason": ""}
                assert await client.frame() == (CLOSE, b"\x03\xf4")
                client.write(close_frame(1012))
                call.finish()

            leaving = asyncio.ensure_future(leave())
        await leaving


# --- pings ------------------------------------------------------------------------------------------------------------


async def test_a_peer_that_answers_pings_stays() -> None:
    async with opened(ws_ping_interval=0.01, ws_ping_timeout=5) as (call, client):
        for _ in range(3):
            opcode, payload = await client.frame()
            assert opcode == PING
            client.write(frame(PONG, payload))
        await client.text("alive")
        assert await call.receive() == text("alive")


async def test_a_peer_that_does_not_answer_pings_is_closed_with_1011() -> None:
    async with opened(ws_ping_interval=0.01, ws_ping_timeout=0.01) as (call, client):
        assert (await client.frame())[0] == PING
        client.write(frame(PONG, b"some other"))
        assert await call.receive() == {
            "type": "websocket.disconnect",
            "code": 1011,
            "reason": "keepalive ping timeout",
        }
        assert await client.frames() == [(CLOSE, b"\x03\xf3keepalive ping timeout")]


@pytest.mark.parametrize("ws", WS)
def test_a_slow_frame_needs_no_pong_while_it_goes_on(ws: str) -> None:
    """The peer cannot send one before the frame's end (RFC 6455 section 5.4)."""

    async def check() -> None:
        async with opened_in_memory(ws, ws_ping_interval=10, ws_ping_timeout=10) as ends:
            slow = frame(BINARY, bytes(1000))
            for start in range(0, 800, 100):
                ends.transport.client_send(slow[start : start + 100])
                await ends.server.advance(10)
            assert CLOSE not in dict(ends.frames)
            ends.transport.client_send(slow[800:])
            assert (await ends.call.receive())["bytes"] == bytes(1000)
            ends.transport.client_send(slow[:100])
            for _ in range(4):
                await ends.server.advance(10)
            assert ends.frames[-1] == (CLOSE, b"\x03\xf3keepalive ping timeout")

    run_in_memory(check())


@pytest.mark.parametrize("timeout_write", [0, 30])
def test_pings_go_on_after_the_peer_was_slow_to_take(timeout_write: int) -> None:
    """The time that it had for taking is over as soon as it has."""

    async def check() -> None:
        async with opened_in_memory(timeout_write=timeout_write) as ends:
            ends.transport.client_pause()
            await ends.call.send({"type": "websocket.send", "bytes": bytes(200_000)})
            await ends.server.advance(10)
            ends.transport.client_take()
            await ends.server.advance(9)
            assert [opcode for opcode, _ in ends.frames] == [BINARY]
            await ends.server.advance(1)
            assert [opcode for opcode, _ in ends.frames] == [BINARY, PING]

    run_in_memory(check())


async def test_pings_may_go_unanswered_where_that_is_switched_off() -> None:
    async with opened(ws_ping_interval=0.01, ws_ping_timeout=0) as (call, client):
        assert [(await client.frame())[0] for _ in range(3)] == [PING] * 3
        await client.text("alive")
        assert await call.receive() == text("alive")


async def test_pings_of_the_peer_are_answered_in_order(pair: tuple[Call, Client]) -> None:
    _, client = pair
    client.write(*(frame(PING, b"%d" % number) for number in range(10)))
    assert [await client.frame() for _ in range(10)] == [(PONG, b"%d" % number) for number in range(10)]


@pytest.mark.parametrize("ws", WS)
async def test_a_flood_of_pings_is_not_stored(ws: str) -> None:
    async with opened(ws) as (call, client):
        client.write(frame(PING, b"x" * 125) * 5000, frame(PING, b"last"), frame(TEXT, b"end"))
        assert await call.receive() == text("end")
        call.finish()
        frames = []
        while (received := await client.frame())[0] == PONG:
            frames.append(received)
        assert frames[-1] == (PONG, b"last")
        assert len(frames) < 5000


# --- flow control -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ws", WS)
async def test_an_application_that_does_not_receive_makes_the_peer_wait(ws: str) -> None:
    async with opened(ws) as (call, client):
        message = frame(BINARY, bytes(100_000))
        sent = 0

        async def flood() -> None:
            nonlocal sent
            for _ in range(640):
                client.write(message)
                await client.writer.drain()
                sent += 1

        flooding = asyncio.ensure_future(flood())
        machine: Any = call._receive.__self__
        await until(lambda: machine._paused)
        assert machine._queued < 4 * incoming.QUEUE_LIMIT
        assert len(machine._unread) < 1 << 20
        assert sent < 640
        for _ in range(640):
            assert len((await call.receive())["bytes"]) == 100_000
        await flooding


async def test_the_queue_of_messages_is_limited_in_number() -> None:
    async with opened(ws_max_queue=4) as (call, client):
        client.write(*(frame(TEXT, b"%d" % number) for number in range(6)))
        machine: Any = call._receive.__self__
        await until(lambda: machine._full)
        client.write(*(frame(TEXT, b"%d" % number) for number in range(6, 9)))
        await until(lambda: machine._paused)
        assert len(machine._queue) == 6
        assert [(await call.receive())["text"] for _ in range(9)] == [str(number) for number in range(9)]


@pytest.mark.parametrize("ws", WS)
async def test_nothing_is_inflated_ahead_of_the_application(ws: str) -> None:
    calls = Calls()
    async with serving(calls, ws=ws) as url:
        connecting = asyncio.ensure_future(ws_connect(url.replace("http", "ws"), max_size=None).__aenter__())
        call = await calls.next()
        await call.accept()
        client = await connecting
        for _ in range(100):
            await client.send(bytes(1_000_000))
        machine: Any = call._receive.__self__
        await until(lambda: machine._full)
        assert machine._queued < 2_000_000
        for _ in range(100):
            assert len((await call.receive())["bytes"]) == 1_000_000
        call.finish()
        await client.close()


@pytest.mark.parametrize("leave", ["close", "reset", "bad"])
async def test_a_send_that_waits_for_a_peer_ends_with_the_peer(leave: str) -> None:
    async with opened() as (call, client):
        client.reader._transport.pause_reading()  # type: ignore[attr-defined]
        sent = 0

        async def flood() -> None:
            nonlocal sent
            while True:
                await call.send({"type": "websocket.send", "bytes": bytes(100_000)})
                sent += 1

        flooding = asyncio.ensure_future(flood())
        machine: Any = call._receive.__self__
        await until(lambda: machine._stream.congested and machine._out._waiters)
        assert sent < 1000
        if leave == "close":
            client.write(close_frame(1000))
        elif leave == "bad":
            client.write(frame(3, b"x"))
        else:
            client.writer.transport.abort()
        with pytest.raises(OSError, match="closed"):
            await asyncio.wait_for(flooding, DEADLINE)
        assert (await call.receive())["code"] == {"close": 1000, "reset": 1006, "bad": 1002}[leave]


async def test_a_peer_that_reads_slowly_gets_everything(pair: tuple[Call, Client]) -> None:
    call, client = pair

    async def pour() -> None:
        for number in range(300):
            await call.send({"type": "websocket.send", "bytes": b"%05d" % number * 10_000})
        call.finish()

    pouring = asyncio.ensure_future(pour())
    data = bytearray()
    while len(data) < 300 * 50_004:
        data += await asyncio.wait_for(client.reader.read(65536), DEADLINE)
    await pouring
    assert all(data[number * 50_004 + 4 :][:5] == b"%05d" % number for number in range(300))


@pytest.mark.parametrize("ws", WS)
async def test_a_large_compressed_message_lets_others_run_and_stays_whole(ws: str) -> None:
    calls = Calls()
    async with serving(calls, ws=ws) as url:
        connecting = asyncio.ensure_future(ws_connect(url.replace("http", "ws"), max_size=None).__aenter__())
        call = await calls.next()
        await call.accept()
        client = await connecting
        large = "".join(chr(97 + index * index % 23) for index in range(1_500_000))
        first = asyncio.ensure_future(call.text(large))
        await asyncio.sleep(0)
        second = asyncio.ensure_future(call.text("second"))
        turns = 0
        while not first.done():
            await asyncio.sleep(0)
            turns += 1
            if turns == 3:
                first.cancel()  # what has been begun is completed
        assert turns >= 3
        await second
        call.finish()
        assert await client.recv() == large
        assert await client.recv() == "second"
        await client.close()


@pytest.mark.parametrize("http", ["compiled", "h11", "httptools"])
def test_answers_to_one_read_leave_together(http: str) -> None:
    async def check() -> None:
        writes: list[bytes] = []
        ws = Registry().load("ws", "frames").provider
        async with memory_server(echo, Registry().load("http", http).provider, ws=ws) as server:
            transport = server.connect(writes.append, lambda _: None)
            transport.client_send(handshake())
            await server.settle()
            writes.clear()
            messages = [(TEXT, b"%02d" % number) for number in range(20)]
            transport.client_send(b"".join(frame(*message) for message in messages))
            await server.settle(50)
        assert [(opcode, payload) for _, opcode, payload in parse(b"".join(writes))][:20] == messages
        assert len(writes) < 20

    run_in_memory(check())


@pytest.mark.parametrize("ws", WS)
async def test_answers_of_any_size_leave_in_order(ws: str) -> None:
    sizes = [1, 200_000, 20, 70_000, 40_000, 0, 70_000, 3, 32_768, 32_767, 150_000]
    messages = [bytes((number,)) * size for number, size in enumerate(sizes)]
    async with serving(echo, ws=ws) as url, connect(url, handshake()) as client:
        await client.head()
        client.write(*(frame(BINARY, message) for message in messages), close_frame(1000, b""))
        assert await client.frames() == [(BINARY, message) for message in messages] + [(CLOSE, b"\x03\xe8")]


async def test_answers_leave_while_the_application_waits_for_something_else(pair: tuple[Call, Client]) -> None:
    call, client = pair
    client.write(frame(TEXT, b"1"), frame(TEXT, b"2"))
    assert await call.receive() == text("1")
    await call.text("first")
    assert await client.frame() == (TEXT, b"first")
    assert await call.receive() == text("2")


async def test_a_message_in_fragments_of_one_byte_is_bounded_work(pair: tuple[Call, Client]) -> None:
    call, client = pair
    size = 60_000
    client.write(frame(TEXT, b"", fin=False), frame(CONT, b"x", fin=False) * size, frame(CONT))
    other_turns = 0
    receiving = asyncio.ensure_future(call.receive())
    while not receiving.done():
        await asyncio.sleep(0)
        other_turns += 1
    assert receiving.result() == text("x" * size)
    assert other_turns > 1


async def test_a_websocket_client_sees_the_errors(caplog: pytest.LogCaptureFixture) -> None:
    calls = Calls()
    async with serving(calls) as url:
        connecting = asyncio.ensure_future(ws_connect(url.replace("http", "ws")).__aenter__())
        call = await calls.next()
        await call.accept()
        client = await connecting
        call.finish(ValueError("broken"))
        with pytest.raises(ConnectionClosedError) as caught:
            await client.recv()
        assert isinstance(caught.value, ConnectionClosed)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1011
    assert "Exception in ASGI application" in caplog.text
