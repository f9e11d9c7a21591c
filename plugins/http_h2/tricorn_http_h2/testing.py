"""The conformance suite of HTTP with an HTTP/2 client: what `tricorn check http h2` runs, for this plugin or another.

    from tricorn_http_h2.testing import Http2Client

    class TestMine(HttpSuite):
        plugin = "http", "mine"
        client = Http2Client
        multiplexed = True

The client keeps the rules of RFC 9113: a server that breaks one fails the check that waits for it.
"""

from __future__ import annotations

import asyncio
from typing import Any

from hpack import Decoder, Encoder

from tricorn.testing.client import Answer, Client, Fields
from tricorn.testing.http import HttpSuite
from tricorn.testing.memory_server import MemoryServer
from tricorn_http_h2 import frames

__all__ = ["Http2Client", "Http2Suite"]


class Http2Client(Client):
    """A client of one connection. It answers in a later turn of the loop, as one at the other end of a wire does.

    _windows: what the server takes; _rooms: what we do; of the connection under 0, and of each stream.
    """

    version = "2"

    def __init__(self, server: MemoryServer, /, **addresses: Any) -> None:
        super().__init__(server, **addresses)
        self._encoder = Encoder()
        self._decoder = Decoder()
        self._received = bytearray()
        self._block: tuple[int, bytearray, bool] | None = None
        self._streams: dict[int, Answer] = {}
        self._unsent: dict[int, bytearray] = {}
        self._ends: set[int] = set()
        self._initial = frames.DEFAULT_WINDOW
        self._windows: dict[int, int] = {0: frames.DEFAULT_WINDOW}
        self._window = frames.DEFAULT_WINDOW
        self._rooms: dict[int, int] = {0: frames.DEFAULT_WINDOW}
        self._later: list[bytes] = []
        self._answered: dict[int, int] = {}
        self._scheduled = False
        self._closed = False
        self.transport = server.connect(self._on_data, self._on_end, **addresses)
        self.transport.client_send(frames.PREFACE + frames.settings())

    # --- requests -------------------------------------------------------------------------------------------------

    def ask(
        self,
        method: bytes = b"GET",
        target: bytes = b"/",
        fields: Fields = (),
        body: bytes = b"",
        *,
        end: bool = True,
        length: int | None = None,
    ) -> Answer:
        """Send a request (`Client.ask`)."""
        stream = 2 * len(self.answers) + 1
        head = [(b":method", method), (b":scheme", b"http"), (b":authority", b"test"), (b":path", target), *fields]
        if length is not None:
            head.append((b"content-length", b"%d" % length))
        answer = self._streams[stream] = Answer(stream)
        self.answers.append(answer)
        self._windows[stream] = self._initial
        self._rooms[stream] = self._window
        self._unsent[stream] = bytearray()
        self.transport.client_send(frames.headers(stream, self._encoder.encode(head), end and not body))
        if body:
            self.send(answer, body, end)
        return answer

    def send(self, answer: Answer, data: bytes, end: bool = False) -> None:
        """Send as much as the windows allow, and the rest when they do (`Client.send`)."""
        self._unsent[answer.request] += data
        if end:
            self._ends.add(answer.request)
        self._send_more()

    def _send_more(self) -> None:
        windows = self._windows
        for stream, unsent in self._unsent.items():
            while unsent and min(windows[0], windows[stream]) > 0:
                data = bytes(unsent[: min(frames.FRAME_LIMIT, windows[0], windows[stream])])
                del unsent[: len(data)]
                windows[0] -= len(data)
                windows[stream] -= len(data)
                flags = frames.END_STREAM if not unsent and stream in self._ends else 0
                self.transport.client_send(frames.frame_header(frames.DATA, flags, stream, len(data)) + data)

    def unsent(self, answer: Answer) -> int:
        """What waits for windows, or for the server to read."""
        return len(self._unsent[answer.request]) + self.transport.client_unsent

    def set_window(self, size: int) -> None:
        """Let the server send so much on each stream that is opened from now on, before it hears of more."""
        self._window = size
        self.transport.client_send(frames.settings((frames.INITIAL_WINDOW_SIZE, size)))

    def leave(self, answer: Answer) -> None:
        """RST_STREAM with CANCEL."""
        self._unsent[answer.request].clear()
        self.transport.client_send(frames.reset(answer.request, frames.CANCEL))

    def pause(self) -> None:
        """Take nothing more of the connection."""
        self.transport.client_pause()

    def resume(self) -> None:
        """Take it again."""
        self.transport.client_take()

    @property
    def closed(self) -> bool:
        """Whether the server has ended the connection."""
        return self._closed

    # --- what comes -----------------------------------------------------------------------------------------------

    def _on_data(self, data: bytes) -> None:
        received = self._received
        received += data
        while len(received) >= frames.HEADER_SIZE:
            high, low, kind, flags, stream = frames.read_header(received)
            end = frames.HEADER_SIZE + (high << 8 | low)
            assert end - frames.HEADER_SIZE <= frames.FRAME_LIMIT, "a frame larger than SETTINGS_MAX_FRAME_SIZE"
            if len(received) < end:
                break
            payload = bytes(received[frames.HEADER_SIZE : end])
            del received[:end]
            self._on_frame(kind, flags, stream, payload)

    def _on_frame(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        assert (self._block is None) == (kind != frames.CONTINUATION), "a field block is interrupted"
        if kind in (frames.HEADERS, frames.CONTINUATION):
            self._on_headers(kind, flags, stream, payload)
        elif kind == frames.DATA:
            self._on_body(flags, stream, payload)
        elif kind == frames.RST_STREAM:
            self._unsent[stream].clear()
            self._streams[stream].cut = not self._streams[stream].complete
            self._streams[stream].changed()
        elif kind == frames.WINDOW_UPDATE:
            self._windows[stream] += int.from_bytes(payload, "big")
            self._answer(b"")
        elif kind == frames.SETTINGS and not flags & frames.ACK:
            self._on_settings(payload)
        elif kind == frames.PING and not flags & frames.ACK:
            self._answer(frames.ping(payload, frames.ACK))

    def _on_settings(self, payload: bytes) -> None:
        for name, value in frames.read_settings(payload):
            if name == frames.INITIAL_WINDOW_SIZE:
                for stream in self._streams:
                    self._windows[stream] += value - self._initial
                self._initial = value
        self._answer(frames.SETTINGS_ACK)

    def _on_body(self, flags: int, stream: int, payload: bytes) -> None:
        answer = self._streams[stream]
        assert answer.status is not None, "DATA in front of the head"
        assert not answer.complete, "DATA behind the end"
        answer.body += payload
        for number in (0, stream):
            self._rooms[number] -= len(payload)
            assert self._rooms[number] >= 0, "more data than a window"
        if payload:
            self._answer(frames.window_update(0, len(payload)) + frames.window_update(stream, len(payload)))
            self._answered[stream] = self._answered.get(stream, 0) + len(payload)
        answer.complete = bool(flags & frames.END_STREAM)
        answer.changed()

    def _on_headers(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == frames.HEADERS:
            assert not flags & (frames.PADDED | frames.WITH_PRIORITY)
            self._block = stream, bytearray(), bool(flags & frames.END_STREAM)
        assert self._block is not None
        begun, block, end = self._block
        assert begun == stream, "a field block goes on on another stream"
        block += payload
        if flags & frames.END_HEADERS:
            self._block = None
            fields = [(bytes(name), bytes(value)) for name, value in self._decoder.decode(bytes(block), raw=True)]
            self._on_fields(self._streams[stream], fields, end)

    def _on_fields(self, answer: Answer, fields: list[tuple[bytes, bytes]], end: bool) -> None:
        assert not answer.complete, "a field section behind the end"
        assert all(name == name.lower() for name, _ in fields)
        if answer.status is not None:
            assert end, "trailers that do not end the stream"
            answer.trailers = fields
        else:
            assert fields[0][0] == b":status"
            assert not any(name.startswith(b":") for name, _ in fields[1:])
            status = int(fields[0][1])
            if status < 200:
                answer.interim.append((status, fields[1:]))
            else:
                answer.status, answer.fields = status, fields[1:]
        answer.complete = end
        answer.changed()

    def _on_end(self, reset: bool) -> None:
        self._closed = True
        for answer in self.answers:
            answer.cut = not answer.complete
            answer.changed()

    def _answer(self, frame: bytes) -> None:
        self._later.append(frame)
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._send_later)

    def _send_later(self) -> None:
        self._scheduled = False
        later, self._later = self._later, []
        answered, self._answered = self._answered, {}
        for stream, size in answered.items():
            self._rooms[stream] += size
            self._rooms[0] += size
        if not self._closed:
            self.transport.client_send(b"".join(later))
            self._send_more()


class Http2Suite(HttpSuite):
    """The checks of `HttpSuite` over HTTP/2."""

    client = Http2Client
    multiplexed = True

    @classmethod
    def applies(cls, provider: Any) -> bool:
        """To whatever speaks HTTP/2."""
        return "h2" in provider.alpn
