"""WebSockets over HTTP/2 (RFC 8441), with every codec."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hyperframe.frame import DataFrame, HeadersFrame, RstStreamFrame, SettingsFrame, WindowUpdateFrame
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Event, Message, Ping, Pong, TextMessage
from wsproto.frame_protocol import CloseReason

from plugins.http_h2.tests.peer import Peer, get, serving
from tricorn.api import Receive, Scope, Send
from tricorn.draining import Streams
from tricorn.registry import Registry
from tricorn.session import Session
from tricorn.testing.memory_server import run_in_memory
from tricorn.testing.ws_peer import BINARY, CLOSE, CONT, close_frame, frame, parse
from tricorn_http_h2.connection import Http2Connection

ENABLE_CONNECT_PROTOCOL = 8
CANCEL = 8
CODECS = ("frames", "websockets", "wsproto")
DEFLATE = (b"sec-websocket-extensions", b"permessage-deflate")


def handshake(*fields: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    head = [(b":method", b"CONNECT"), (b":protocol", b"websocket"), *get(b"/ws?x=1")[1:]]
    return [*head, (b"sec-websocket-version", b"13"), *fields]


class WebSocket:
    """A client's end, on stream 1 of a connection."""

    def __init__(self, peer: Peer, stream: int = 1, *fields: tuple[bytes, bytes]) -> None:
        self.peer = peer
        self.stream = stream
        self._frames = Connection(ConnectionType.CLIENT)
        self._events: list[Event] = []
        self._taken = 0
        peer.send(peer.request(stream, handshake(*fields), end=False))

    def send(self, event: Event) -> None:
        """Send an event in one DATA frame."""
        self.peer.send(DataFrame(self.stream, self._frames.send(event)))

    async def event(self) -> Event:
        """The next event."""
        while not self._events:
            await self.peer.until(lambda: len(self.peer.body(self.stream)) > self._taken or self.gone)
            body = self.peer.body(self.stream)[self._taken :]
            assert body, "the stream ended"
            self._taken += len(body)
            self._frames.receive_data(body)
            self._events += list(self._frames.events())
        return self._events.pop(0)

    @property
    def gone(self) -> bool:
        """Whether the server has ended the stream, or the connection."""
        return self.peer.ended(self.stream) or bool(self.peer.of(RstStreamFrame, self.stream)) or self.peer.closed


class Echo:
    """Accepts, and sends everything back. Keeps its scopes and the events that end it."""

    def __init__(self, **accept: Any) -> None:
        self.scopes: list[Scope] = []
        self.ends: list[Any] = []
        self._accept = accept

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept", **self._accept})
        while (event := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": event.get("text"), "bytes": event.get("bytes")})
        self.ends.append(event)


@asynccontextmanager
async def connected(app: Any, codec: str = "frames", **options: Any) -> AsyncIterator[Peer]:
    ws = Registry().load("ws", codec).provider
    async with serving(app, ws=ws, **options) as server:
        yield Peer(server)


@pytest.mark.parametrize("codec", CODECS)
async def test_messages_go_both_ways(codec: str) -> None:
    echo = Echo()
    async with connected(echo, codec) as peer:
        assert (await peer.next(SettingsFrame)).settings[ENABLE_CONNECT_PROTOCOL] == 1
        websocket = WebSocket(peer)
        assert await peer.status(1) == 200
        for text in ("hello", "", "wörld", "x" * 10_000):
            websocket.send(TextMessage(text))
            event = await websocket.event()
            assert isinstance(event, TextMessage)
            assert event.data == text
        websocket.send(Ping(b"alive?"))
        assert await websocket.event() == Pong(b"alive?")
        websocket.send(CloseConnection(CloseReason.GOING_AWAY, "bye"))
        event = await websocket.event()
        assert isinstance(event, CloseConnection)
        assert event.code == 1001
        await peer.until(lambda: peer.ended(1))
        await peer.server.settle()
        assert echo.ends == [{"type": "websocket.disconnect", "code": 1001, "reason": "bye"}]
        peer.send(DataFrame(1, b"", flags=["END_STREAM"]))
        await peer.alive()
        assert not peer.of(RstStreamFrame)


async def test_the_scope_is_that_of_a_websocket() -> None:
    echo = Echo(subprotocol="chat", headers=[(b"X-Mine", b"1")])
    async with connected(echo) as peer:
        WebSocket(peer, 1, (b"sec-websocket-protocol", b"chat, other"), (b"cookie", b"a=1"))
        assert await peer.status(1) == 200
        (scope,) = echo.scopes
        assert (scope["type"], scope["http_version"], scope["scheme"]) == ("websocket", "2", "ws")
        assert (scope["path"], scope["query_string"]) == ("/ws", b"x=1")
        assert scope["subprotocols"] == ["chat", "other"]
        assert scope["headers"][0] == (b"host", b"test")
        assert scope["extensions"] == {"websocket.http.response": {}}
        fields = dict(peer.fields[1][0])
        assert fields[b"sec-websocket-protocol"] == b"chat"
        assert fields[b"x-mine"] == b"1"
        assert not fields.keys() & {b"sec-websocket-accept", b"upgrade", b"connection", b"content-length"}


async def test_many_websockets_and_requests_share_a_connection() -> None:
    async with connected(Echo()) as peer:
        websockets = [WebSocket(peer, stream) for stream in range(1, 41, 2)]
        for number, websocket in enumerate(websockets):
            websocket.send(TextMessage(str(number)))
        for number, websocket in enumerate(reversed(websockets)):
            event = await websocket.event()
            assert isinstance(event, TextMessage)
            assert event.data == str(len(websockets) - 1 - number)


async def test_messages_behind_the_handshake_reach_the_application() -> None:
    async with connected(Echo()) as peer:
        frames = Connection(ConnectionType.CLIENT)
        early = b"".join(DataFrame(1, frames.send(Message(data=text))).serialize() for text in ("a", "b"))
        peer.send(peer.request(1, handshake(), end=False), early)
        await peer.until(lambda: len(peer.body(1)) == 6)
        assert peer.body(1) == b"\x81\x01a\x81\x01b"


@pytest.mark.parametrize("codec", CODECS)
async def test_large_messages_obey_the_windows(codec: str) -> None:
    async with connected(Echo(), codec) as peer:
        websocket = WebSocket(peer)
        data = websocket._frames.send(Message(data=b"x" * 300_000))
        sent = 0
        while sent < len(data):
            room = 65535 + sum(frame.window_increment for frame in peer.of(WindowUpdateFrame, 1)) - sent
            size = min(room, 16384, len(data) - sent)
            peer.send(DataFrame(1, data[sent : sent + size]))
            sent += size
            await peer.server.settle(2)
        await peer.server.settle()
        assert len(peer.body(1)) == 65535
        peer.send(WindowUpdateFrame(1, 1 << 20), WindowUpdateFrame(0, 1 << 20))
        await peer.until(lambda: len(peer.body(1)) >= 300_000)


async def test_an_application_that_does_not_receive_stops_its_stream() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await asyncio.get_running_loop().create_future()

    async with connected(app) as peer:
        websocket = WebSocket(peer)
        data = websocket._frames.send(Message(data=b"x" * 10_000))
        sent = 0
        while True:
            room = 65535 + sum(frame.window_increment for frame in peer.of(WindowUpdateFrame, 1)) - sent
            if room < len(data):
                break
            peer.send(DataFrame(1, data))
            sent += len(data)
            await peer.server.settle(2)
        assert sent < 1 << 17
        assert not peer.of(RstStreamFrame)


@pytest.mark.parametrize("how", ["reset", "end", "goaway"])
async def test_the_application_hears_of_a_stream_that_is_gone(how: str) -> None:
    echo = Echo()
    async with connected(echo) as peer:
        WebSocket(peer)
        await peer.status(1)
        if how == "reset":
            peer.send(RstStreamFrame(1, error_code=CANCEL))
        elif how == "end":
            peer.send(DataFrame(1, b"", flags=["END_STREAM"]))
        else:
            peer.transport.client_reset()
        await peer.server.settle()
        assert [(event["type"], event["code"]) for event in echo.ends] == [("websocket.disconnect", 1006)]
        assert not peer.server.kernel.calls


@pytest.mark.parametrize("codec", CODECS)
async def test_what_came_before_the_end_of_the_stream_is_received(codec: str) -> None:
    """Though it is more than the application has taken by then; the close frame in front of the end is answered."""
    messages = [b"%d" % number * 10_000 for number in range(4)]
    sent = b"".join(frame(BINARY, message) for message in messages) + close_frame(4000, b"bye")
    echo = Echo()
    async with connected(echo, codec) as peer:
        WebSocket(peer)
        await peer.status(1)
        *parts, last = [DataFrame(1, sent[start : start + 16384]) for start in range(0, len(sent), 16384)]
        last.flags.add("END_STREAM")
        peer.send(*parts, last)
        await peer.until(lambda: peer.ended(1))
        answers = [(opcode, payload) for _, opcode, payload in parse(peer.body(1))]
        assert answers == [*((BINARY, message) for message in messages), (CLOSE, b"\x0f\xa0bye")]
        await peer.server.settle()
        assert echo.ends == [{"type": "websocket.disconnect", "code": 4000, "reason": "bye"}]
        assert not peer.server.kernel.calls


@pytest.mark.parametrize(("denial", "status"), [(None, 403), (401, 401)])
async def test_a_denial_is_an_ordinary_response(denial: int | None, status: int) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if denial is None:
            await send({"type": "websocket.close"})
        else:
            await send({"type": "websocket.http.response.start", "status": denial, "headers": []})
            await send({"type": "websocket.http.response.body", "body": b"no"})

    async with connected(app) as peer:
        WebSocket(peer)
        assert await peer.status(1) == status
        await peer.until(lambda: peer.ended(1))
        peer.send(DataFrame(1, b"", flags=["END_STREAM"]))
        await peer.alive()


async def test_another_version_is_answered_426() -> None:
    async with connected(Echo()) as peer:
        fields = [field for field in handshake() if field[0] != b"sec-websocket-version"]
        peer.send(peer.request(1, [*fields, (b"sec-websocket-version", b"12")], end=False))
        assert await peer.status(1) == 426
        fields_of_answer = dict(peer.fields[1][0])
        assert fields_of_answer[b"sec-websocket-version"] == b"13"
        assert b"upgrade" not in fields_of_answer


async def test_an_application_that_raises_closes_with_1011() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        raise RuntimeError

    async with connected(app) as peer:
        event = await WebSocket(peer).event()
        assert isinstance(event, CloseConnection)
        assert event.code == 1011


async def test_websockets_go_on_in_a_shutdown_until_they_are_told_1012() -> None:
    async with connected(Echo()) as peer:
        websocket = WebSocket(peer)
        await peer.status(1)
        peer.server.kernel.drain()
        websocket.send(TextMessage("still here"))
        assert await websocket.event() == TextMessage("still here")
        Streams(peer.server.kernel, 0).tell(0)
        event = await websocket.event()
        assert isinstance(event, CloseConnection)
        assert event.code == 1012
        websocket.send(event.response())
        await peer.until(lambda: peer.ended(1))


def test_pings_go_out_and_missing_answers_end_the_websocket() -> None:
    async def check() -> None:
        async with connected(Echo()) as peer:
            websocket = WebSocket(peer)
            await peer.status(1)
            await peer.server.advance(20)
            ping = await websocket.event()
            assert isinstance(ping, Ping)
            websocket.send(ping.response())
            await peer.server.advance(20)
            assert isinstance(await websocket.event(), Ping)
            await peer.server.advance(20)
            event = await websocket.event()
            assert isinstance(event, CloseConnection)
            assert event.code == 1011
            await peer.until(lambda: peer.ended(1))
            await peer.server.advance(5)
            assert isinstance(await peer.next(RstStreamFrame, 1), RstStreamFrame)

    run_in_memory(check())


def test_frames_that_had_to_wait_leave_the_deadlines_of_a_websocket_alone() -> None:
    """Its close frame waits behind a response; the client never answers it, and is given up all the same."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x" * 60_000})
            return
        await receive()
        await send({"type": "websocket.accept"})

    async def check() -> None:
        async with connected(app) as peer:
            peer.send(peer.request(1).serialize() + peer.request(3, handshake(), end=False).serialize())
            await peer.until(lambda: peer.body(3) == b"\x88\x02\x03\xe8" and peer.ended(1))
            await peer.server.advance(9)
            assert not peer.of(RstStreamFrame)
            await peer.server.advance(1)
            await peer.next(RstStreamFrame, 3)
            await peer.server.settle()
            assert not peer.server.kernel.calls

    run_in_memory(check())


async def test_no_codec_means_no_websockets() -> None:
    async with serving(Echo()) as server:
        peer = Peer(server)
        assert ENABLE_CONNECT_PROTOCOL not in (await peer.next(SettingsFrame)).settings
        WebSocket(peer)
        assert await peer.status(1) == 501
        assert peer.of(HeadersFrame, 1)


# --- what all WebSockets of a connection keep -------------------------------------------------------------------------

LARGEST = 2 << 20
MANY = 20


async def begun(peer: Peer, stream: int, size: int, *fields: tuple[bytes, bytes]) -> WebSocket:
    """A WebSocket that has sent so much of a message without an end, as zeros in fragments."""
    websocket = WebSocket(peer, stream, *fields)
    await peer.status(stream)
    packer = zlib.compressobj(wbits=-12)
    data = packer.compress(bytes(size)) + packer.flush(zlib.Z_SYNC_FLUSH)
    websocket.peer.send(DataFrame(stream, frame(BINARY, data, fin=False, rsv=4)))
    return websocket


@pytest.mark.parametrize("codec", CODECS)
async def test_messages_without_an_end_are_bounded_on_all_websockets_together(codec: str) -> None:
    """Four of the largest size are kept; then the largest of them has to go, and all others go on."""
    async with connected(Echo(), codec, ws_max_size=LARGEST) as peer:
        small = await begun(peer, 1, 1000, DEFLATE)
        large = [await begun(peer, 3 + 2 * number, LARGEST - 1000 * number, DEFLATE) for number in range(4)]
        await peer.server.settle()
        assert not any(websocket.gone for websocket in large)
        more = await begun(peer, 11, LARGEST // 2, DEFLATE)
        event = await large[0].event()
        assert isinstance(event, CloseConnection)
        assert event.code == 1009
        for websocket in (small, *large[1:], more):
            assert not websocket.gone
            peer.send(DataFrame(websocket.stream, frame(CONT)))
            await peer.until(lambda stream=websocket.stream: len(peer.body(stream)) > 0)


async def test_one_message_of_the_largest_size_is_not_in_the_way_of_many_small_ones() -> None:
    async with connected(Echo(), ws_max_size=LARGEST) as peer:
        large = await begun(peer, 1, LARGEST - 1, DEFLATE)
        others = [await begun(peer, 3 + 2 * number, 60_000, DEFLATE) for number in range(MANY)]
        peer.send(DataFrame(1, frame(CONT)))
        await peer.until(lambda: len(peer.body(1)) > 0)
        assert not any(websocket.gone for websocket in (large, *others))


async def test_messages_that_no_application_receives_count_as_well() -> None:
    ends: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await go.wait()
        ends.append(await receive())

    go = asyncio.Event()
    async with connected(app, ws_max_size=LARGEST) as peer:
        for number in range(5):
            await begun(peer, 1 + 2 * number, LARGEST - 100, DEFLATE)
            peer.send(DataFrame(1 + 2 * number, frame(CONT)))
        await peer.until(lambda: len(peer.body(1)) > 0)
        go.set()
        await peer.until(lambda: len(ends) == 5)
        assert [event["type"] for event in ends].count("websocket.receive") == 4
        assert {"type": "websocket.disconnect", "code": 1009, "reason": ""} in ends


async def test_what_comes_behind_an_end_that_the_client_does_not_take_is_dropped() -> None:
    """The close frame waits for room, which the client does not give, while it goes on sending."""
    async with connected(Echo()) as peer:
        websocket = WebSocket(peer)
        await peer.status(1)
        [connection] = peer.server.kernel.connections
        assert isinstance(connection, Http2Connection)
        peer.send(SettingsFrame(settings={SettingsFrame.INITIAL_WINDOW_SIZE: 0}))
        websocket.send(TextMessage("x" * 10_000))
        await peer.server.settle()
        peer.send(DataFrame(1, frame(3)))
        tunnel = connection.streams[1].tunnel
        assert isinstance(tunnel, Session)
        for _ in range(20):
            peer.send(DataFrame(1, bytes(16_000)))
            await peer.server.settle()
        assert connection.streams[1].waiting
        assert not tunnel._unread
