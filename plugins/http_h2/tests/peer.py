"""A client that says in frames what it likes. One that behaves is `tricorn_http_h2.testing.Http2Client`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

from hpack import Decoder, Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
)

from tricorn.api import ASGIApp, HttpProvider, Receive, Scope, Send, WsProvider
from tricorn.registry import Registry
from tricorn.testing.memory_server import DEADLINE, MemoryServer, memory_server

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
AUTHORITY = b"test"

F = TypeVar("F", bound=Frame)


def get(path: bytes = b"/", method: bytes = b"GET") -> list[tuple[bytes, bytes]]:
    """The fields of a request without any of its own."""
    return [(b":method", method), (b":scheme", b"http"), (b":authority", AUTHORITY), (b":path", path)]


def raw(kind: int, flags: int, stream: int, payload: bytes = b"", length: int | None = None) -> bytes:
    """A frame as bytes, right or wrong."""
    size = len(payload) if length is None else length
    return size.to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def provider() -> HttpProvider:
    """The plugin."""
    return cast("HttpProvider", Registry().load("http", "h2").provider)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the request's body, or with its path where it has none."""
    body = b""
    more = True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            return
        body += event["body"]
        more = event["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": body or scope["raw_path"]})


@asynccontextmanager
async def serving(app: ASGIApp = echo, *, ws: WsProvider | None = None, **options: Any) -> AsyncIterator[MemoryServer]:
    """An application behind the plugin. options: as for `tricorn.Config`."""
    async with memory_server(app, provider(), ws=ws, http="h2", **options) as server:
        yield server


@asynccontextmanager
async def connected(app: ASGIApp = echo, **options: Any) -> AsyncIterator[Peer]:
    """A client of an application, its preface sent."""
    async with serving(app, **options) as server:
        yield Peer(server)


class Peer:
    """A client that sends what it is told to, and keeps what comes.

    frames: all that have come, headers decoded into `fields`. closed: the server has ended the connection.
    """

    def __init__(
        self, server: MemoryServer, /, *, begin: bool = True, settings: dict[int, int] | None = None, **addresses: Any
    ) -> None:
        self.server = server
        self.frames: list[Frame] = []
        self.fields: dict[int, list[list[tuple[bytes, bytes]]]] = {}
        self.encoder = Encoder()
        self.decoder = Decoder()
        self.closed = False
        self._received = bytearray()
        self._changed = asyncio.Event()
        self._taken = 0
        self._block: tuple[int, bytearray] | None = None
        self.transport = server.connect(self._on_data, self._on_end, **addresses)
        if begin:
            self.send(PREFACE, SettingsFrame(settings=settings or {}))

    # --- what is sent ---------------------------------------------------------------------------------------------

    def send(self, *frames: Frame | bytes) -> None:
        """Send frames, or bytes, in one piece."""
        self.transport.client_send(b"".join(f if isinstance(f, bytes) else f.serialize() for f in frames))

    def block(self, fields: list[tuple[bytes, bytes]]) -> bytes:
        """A field block."""
        return self.encoder.encode(fields)

    def request(
        self, stream: int, fields: list[tuple[bytes, bytes]] | None = None, *, end: bool = True
    ) -> HeadersFrame:
        """A request in one HEADERS frame."""
        flags = ["END_HEADERS", "END_STREAM"] if end else ["END_HEADERS"]
        return HeadersFrame(stream, self.block(get() if fields is None else fields), flags=flags)

    # --- what comes -----------------------------------------------------------------------------------------------

    def _on_data(self, data: bytes) -> None:
        received = self._received
        received += data
        while len(received) >= 9:
            frame, length = Frame.parse_frame_header(memoryview(bytes(received[:9])))
            if len(received) < 9 + length:
                break
            frame.parse_body(memoryview(bytes(received[9 : 9 + length])))
            del received[: 9 + length]
            self.frames.append(frame)
            self.on_frame(frame)
        self._changed.set()

    def _on_end(self, reset: bool) -> None:
        self.closed = True
        self._changed.set()

    def on_frame(self, frame: Frame) -> None:
        """Decode field blocks, in their order; acknowledge settings and pings."""
        if isinstance(frame, HeadersFrame | ContinuationFrame):
            if isinstance(frame, HeadersFrame):
                assert self._block is None
                self._block = frame.stream_id, bytearray()
            assert self._block is not None
            assert self._block[0] == frame.stream_id
            self._block[1].extend(frame.data)
            if "END_HEADERS" in frame.flags:
                fields = [
                    (bytes(name), bytes(value)) for name, value in self.decoder.decode(bytes(self._block[1]), raw=True)
                ]
                self._block = None
                self.fields.setdefault(frame.stream_id, []).append(fields)
                self.on_fields(frame.stream_id, fields)
        else:
            assert self._block is None, "a field block is interrupted"

    def on_fields(self, stream: int, fields: list[tuple[bytes, bytes]]) -> None:
        """A complete field section."""

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return as soon as something that came has made the condition true."""
        while not condition():
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), DEADLINE)

    def of(self, kind: type[F], stream: int | None = None) -> list[F]:
        """The frames of a kind that have come."""
        return [f for f in self.frames if isinstance(f, kind) and (stream is None or f.stream_id == stream)]

    async def next(self, kind: type[F], stream: int | None = None, count: int = 1) -> F:
        """The frame of a kind, once so many have come; the end of the connection before that fails."""
        await self.until(lambda: len(self.of(kind, stream)) >= count or self.closed)
        found = self.of(kind, stream)
        assert len(found) >= count, f"the connection ended without {kind.__name__}: {self.frames}"
        return found[count - 1]

    async def status(self, stream: int) -> int:
        """The status of a response."""
        await self.until(lambda: stream in self.fields or self.closed)
        assert stream in self.fields, f"the connection ended without a response: {self.frames}"
        return int(dict(self.fields[stream][-1])[b":status"])

    def body(self, stream: int) -> bytes:
        """The data of a response so far."""
        return b"".join(frame.data for frame in self.of(DataFrame, stream))

    def ended(self, stream: int) -> bool:
        """Whether the server has ended its side of a stream."""
        return any("END_STREAM" in frame.flags for frame in self.frames if frame.stream_id == stream)

    async def goaway(self, *codes: int) -> GoAwayFrame:
        """The server ends the connection, with one of these codes."""
        frame = await self.next(GoAwayFrame)
        await self.until(lambda: self.closed)
        assert frame.error_code in codes, f"GOAWAY with {frame}"
        return frame

    async def fault(self, stream: int, *codes: int) -> None:
        """The server ends a stream, or the connection, with one of these codes (RFC 9113 section 5.4.1 allows both)."""
        await self.until(lambda: bool(self.of(RstStreamFrame, stream) or self.of(GoAwayFrame)))
        found = [frame.error_code for frame in (*self.of(RstStreamFrame, stream), *self.of(GoAwayFrame))]
        assert found[0] in codes, f"ended with {found}"

    async def alive(self) -> None:
        """The connection works: a PING is answered."""
        count = len([frame for frame in self.of(PingFrame) if "ACK" in frame.flags])
        self.send(PingFrame(opaque_data=b"are you?"))
        await self.until(lambda: len([f for f in self.of(PingFrame) if "ACK" in f.flags]) > count or self.closed)
        assert not self.closed, f"the connection has ended: {self.frames}"
