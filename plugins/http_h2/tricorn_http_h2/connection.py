"""One HTTP/2 connection (RFC 9113): frames in, kernel streams out.

The states of a connection are those of `tricorn_http_h2.ending`. Within OPEN, `block` is the field block that
CONTINUATION has to complete: no other frame may come between. A request starts when the read that brought it has been
read through.
"""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, cast

from tricorn.api import Receiver, Refusal
from tricorn_http_h2 import frames
from tricorn_http_h2.abuse import WORK, Budget
from tricorn_http_h2.ending import BEGIN, CLOSED, FIRST, LINGER_LIMIT, OPEN, Ending
from tricorn_http_h2.frames import (
    ACK,
    FRAME_SIZE_ERROR,
    LARGEST_WINDOW,
    PREFACE,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    ConnectionFault,
    StreamFault,
    read_header,
)
from tricorn_http_h2.heads import HeadReader, Request
from tricorn_http_h2.receiving import HANDLERS, Block
from tricorn_http_h2.settings import opening
from tricorn_http_h2.stream import Http2Stream

if TYPE_CHECKING:
    from tricorn.api import Kernel
    from tricorn_http_h2.priority import Priority

TUNNEL_MESSAGES = 4
"""WebSocket messages of the largest size that all the streams of a connection may make us keep: as much as one of them,
one each, on as many connections of HTTP/1."""
TUNNEL_LEAST = 1 << 22
"""Octets of messages that they may in any case."""

MEMORY_LIMIT = 256
"""Streams reset by us that are remembered: what was on its way when we reset them is no mistake of the client's."""


class Http2Connection(Ending):
    """The protocol object of one connection, and what its streams share.

    spare: by how much streams whose applications keep up may widen their windows, all together. tunnel_share: octets of
    messages that a tunnel may keep without regard to the others.
    """

    __slots__ = (
        "_linger",
        "_needed",
        "_ours",
        "_reading",
        "_room",
        "_running",
        "_tunnel_limit",
        "_unread",
        "_websockets",
        "client",
        "fresh",
        "heads",
        "max_streams",
        "priorities",
        "resets",
        "secure",
        "server",
        "spare",
        "stream_window_limit",
        "tunnel_share",
    )

    client: tuple[str, int] | None
    server: tuple[str, int | None] | None
    secure: bool

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        settings = kernel.settings
        self._websockets = kernel.ws is not None
        self.heads = HeadReader(settings.limit_request_head, settings.limit_request_fields, self._websockets)
        self.resets = Budget(settings.h2_limit_resets, "resets", kernel.clock)
        self.max_streams: int = settings.h2_max_streams
        self.stream_window_limit: int = settings.h2_stream_window
        self._room: int = settings.h2_connection_window
        self.spare = self._room
        self._tunnel_limit = max(TUNNEL_MESSAGES * (settings.ws_max_size or inf), TUNNEL_LEAST)
        self.tunnel_share = self._tunnel_limit / self.max_streams
        self.fresh: dict[Http2Stream, None] = {}
        self.priorities: dict[int, Priority] = {}
        self._unread = bytearray()
        self._needed = len(PREFACE)
        self._running: list[Receiver] = []
        self._ours: dict[int, None] = {}
        self._reading = False
        self._linger = LINGER_LIMIT

    # --- asyncio's side --------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection was accepted; our SETTINGS need not wait for the client's."""
        self._transport = cast("asyncio.Transport", transport)
        self._write = self._transport.write
        kernel = self.kernel
        self.client, self.server, self.peer = kernel.addresses(transport)
        self.secure = transport.get_extra_info("ssl_object") is not None
        kernel.add(self)
        self._idle_due = kernel.due(kernel.timeout_head)
        self.arm(self._idle_due)
        self._write(opening(kernel.settings, self._websockets))
        if kernel.draining:
            self.announce_end()

    def data_received(self, data: bytes) -> None:
        """Bytes from the client: read all the frames that are complete, then act on them together."""
        if self._state == CLOSED:
            self._linger -= len(data)
            if self._linger < 0:
                self._transport.abort()
            return
        self._gathering = self._reading = True
        try:
            self._read_on(data)
        except ConnectionFault as fault:
            self.fail(fault)
            return
        self._reading = False
        self.give_room()
        waited = bool(self.schedule)  # not what applications that start now leave to the end of the turn
        self.start()
        if waited and not self.congested:
            self.pump()
        else:
            self.flush()
        if not self.streams:
            self.be_idle()

    # --- reading ---------------------------------------------------------------------------------------------------

    def _read_on(self, data: bytes) -> None:
        """Complete the frame that has begun, then read those that are whole. Raises ConnectionFault."""
        unread = self._unread
        start = 0
        while unread:
            missing = self._needed - len(unread)
            unread += data[start : start + missing]
            start += missing
            if len(unread) < self._needed:
                return
            frame = bytes(unread)
            unread.clear()
            unread += frame[self._read(frame, 0) :]
        start = self._read(data, start)
        if start < len(data):
            unread += data[start:]

    def _read(self, data: bytes, position: int) -> int:
        """Read frames; return where an incomplete one begins. Raises ConnectionFault."""
        size = len(data)
        if self._state == BEGIN:
            if not data.startswith(PREFACE):
                if not PREFACE.startswith(data):
                    raise ConnectionFault(PROTOCOL_ERROR, "no HTTP/2 preface")
                return 0
            position = len(PREFACE)
            self._state = FIRST
        while size - position >= 9:
            high, low, kind, flags, stream = read_header(data, position)
            length = high << 8 | low
            if length > frames.FRAME_LIMIT:
                raise ConnectionFault(FRAME_SIZE_ERROR, "a frame larger than SETTINGS_MAX_FRAME_SIZE")
            end = position + 9 + length
            if end > size:
                self._needed = end - position
                return position
            self._take(kind, flags, stream & LARGEST_WINDOW, data[position + 9 : end])
            position = end
        self._needed = 9
        return position

    def _take(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        """One frame. Raises ConnectionFault."""
        if self._state != OPEN:
            if kind != frames.SETTINGS or flags & ACK:
                raise ConnectionFault(PROTOCOL_ERROR, "the first frame is not SETTINGS")
            self._state = OPEN
        if self.block is not None and (kind != frames.CONTINUATION or number != self.block.stream):
            raise ConnectionFault(PROTOCOL_ERROR, "a field block is interrupted")
        handler = HANDLERS.get(kind)
        if handler is None:
            self.control.spend(self.kernel.clock)
            return
        try:
            handler(self, flags, number, payload)
        except StreamFault as fault:
            self.resets.spend(self.kernel.clock)
            stream = self.streams.get(number)
            if stream is not None:
                stream.reset(fault.code)
            else:
                self.emit(frames.reset(number, fault.code))
                self.remember_reset(number)

    def await_block(self, block: Block) -> None:
        """Wait for the CONTINUATION of a field block."""
        self.block = block
        self._head_due = self.kernel.due(self.kernel.timeout_head)
        self.arm(self._head_due)

    # --- streams ---------------------------------------------------------------------------------------------------

    def open(self, number: int, block: bytes, end: bool) -> None:
        """The head of a request. Raises ConnectionFault and StreamFault."""
        self.last = number
        if number > self._accepts_to:
            self.heads.skip(block)
            self.remember_reset(number)
            return
        self.serve(number, self.heads.request(block), end)

    def serve(self, number: int, request: Request, end: bool) -> None:
        """Open a stream for a request. Raises ConnectionFault and StreamFault."""
        if len(self.streams) + len(self._running) >= self.max_streams and self._crowded():
            raise StreamFault(REFUSED_STREAM, "too many streams")
        if end and request.length:
            raise StreamFault(PROTOCOL_ERROR, "less data than Content-Length")
        stream = Http2Stream(self, number, request, end)
        if number in self.priorities:
            stream.priority = self.priorities.pop(number)
        self.streams[number] = stream
        try:
            stream.receiver = self.kernel.open(stream, request.head(end))
        except Refusal as refusal:
            if refusal.status < 500:
                self.resets.spend(self.kernel.clock)
            stream.refuse(refusal)
            return
        self.control.earned += WORK
        self.fresh[stream] = None
        if not end:
            stream.await_body()

    def start(self) -> None:
        """Start what has been opened and not reset since."""
        fresh, self.fresh = self.fresh, {}
        for stream in fresh:
            assert stream.receiver is not None
            stream.receiver.start()

    def _crowded(self) -> bool:
        """Whether there are too many, the calls that still run for streams that are gone included (rapid reset)."""
        self._running = [receiver for receiver in self._running if receiver.task is not None]
        return len(self.streams) + len(self._running) >= self.max_streams

    def leave_running(self, receiver: Receiver) -> None:
        """The stream of an application call is gone; the call counts until it ends."""
        self._running.append(receiver)

    def forget(self, stream: Http2Stream) -> None:
        """A stream has ended in both directions."""
        if self.streams.pop(stream.id, None) is not None:
            self.spare += stream.grown
            if not self.streams and not self._reading:
                self.be_idle()

    def remember_reset(self, number: int) -> None:
        """We have reset a stream: what the client sent before it knew is ignored (RFC 9113 section 5.1)."""
        if len(self._ours) >= MEMORY_LIMIT:
            del self._ours[next(iter(self._ours))]
        self._ours[number] = None

    def was_reset(self, number: int) -> bool:
        """Whether a stream is one that we have reset lately."""
        return number in self._ours

    # --- the window of the connection ------------------------------------------------------------------------------

    def take_room(self, size: int) -> None:
        """A DATA frame has arrived. Raises ConnectionFault when it is more than the client may send."""
        self._room -= size
        if self._room < 0:
            raise ConnectionFault(frames.FLOW_CONTROL_ERROR, "more data than the connection's window")

    def give_room(self) -> None:
        """Widen the window for all that has arrived. What applications leave unread is bounded by the windows of their
        streams, so that one that does not read stops no other's."""
        window: int = self.kernel.settings.h2_connection_window
        used = window - self._room
        if used * 2 >= window:
            self._room = window
            self.emit(frames.window_update(0, used))

    def check_tunnels(self) -> None:
        """End the tunnels that keep most while all of them keep more than one connection may make us keep."""
        tunnels = [stream.tunnel for stream in self.streams.values() if stream.tunnel is not None]
        while sum(tunnel.kept for tunnel in tunnels) > self._tunnel_limit:
            max(tunnels, key=lambda tunnel: tunnel.kept).refuse()

    def acknowledge(self, frame: bytes) -> None:
        """Answer SETTINGS or PING. A client that does not read the answers gets to send no more questions."""
        self.control.spend(self.kernel.clock)
        self.emit(frame)
        if self.congested and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The transport has room again."""
        super().resume_writing()
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
