"""What arrives on a WebSocket: bytes parsed in bounded slices, and messages that wait for the application.

Bytes are parsed as they come. When there are more than one turn of the loop should bear, or the application has
enough to do (`_full`), they wait in `_unread` (`_held`), and when even more come, reading pauses: so a quick
application never pays for pausing, and a slow one keeps at most one read and the queue's limit in memory.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tricorn.api import Message, Stream, WsCodec
from tricorn.outgoing import Outgoing

if TYPE_CHECKING:
    from tricorn.kernel import Kernel

QUEUE_LIMIT = 262144
"""Bytes of messages kept for an application that does not receive them before the peer is made to wait."""
SHARED_QUEUE_LIMIT = 8192
"""The same for each of the streams that share a connection: a client may have a hundred of them for one socket."""
MESSAGE_COST = 64
"""Bytes that a message is counted for besides its own: empty ones are not free."""
SLICE = 163840
"""Bytes parsed in one turn of the loop: two messages of 64 KiB, or some 27,000 empty frames."""
SMALLEST_SLICE = 4096
SLICE_TIME = 0.01
"""Seconds that a slice may take; a peer whose bytes take longer (tiny frames, a slow codec) gets smaller ones."""


def drop(data: Any) -> None:
    """Take what nobody reads any more."""


class Incoming:
    """The incoming side of one WebSocket, from the stream to the application's `receive`.

    `_open` is true while messages are for the application; it is the session's to set.
    """

    __slots__ = (
        "_codec",
        "_create_future",
        "_ended",
        "_full",
        "_held",
        "_kernel",
        "_limit",
        "_max_queue",
        "_open",
        "_others",
        "_out",
        "_paused",
        "_pinged",
        "_queue",
        "_queued",
        "_read",
        "_seen",
        "_slice",
        "_stream",
        "_unread",
        "_waiter",
    )

    def __init__(self, kernel: Kernel, stream: Stream) -> None:
        self._kernel = kernel
        self._stream = stream
        self._out = Outgoing(kernel, stream)
        self._max_queue: int = kernel.settings.ws_max_queue or QUEUE_LIMIT
        self._limit = SHARED_QUEUE_LIMIT if stream.multiplexed else QUEUE_LIMIT
        self._queue: deque[str | bytes] = deque()
        self._queued = 0
        self._create_future = kernel.loop.create_future
        self._waiter: asyncio.Future[None] | None = None  # whoever waits in `receive`,
        self._others: list[asyncio.Future[None]] = []  # and whoever does besides
        self._codec: WsCodec | None = None
        self._open = False
        self._unread = bytearray()
        self._slice = SLICE
        self._seen = 0
        self._held = True
        self._ended = False
        self._paused = False
        self._full = False
        self._pinged = False

    def _start_reading(self, codec: WsCodec) -> None:
        """The handshake is done: bytes are frames."""
        self._codec = codec
        self._read: Callable[[bytes], None] = codec.receive if self._stream.keeps is None else self._read_shared
        self._open = True
        self._held = False
        if self._unread:
            self._held = True
            self._kernel.loop.call_soon(self._read_on)

    # --- bytes -----------------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Bytes from the peer (`tricorn.api.Receiver`)."""
        if self._held or len(data) > self._slice:
            self._keep(data)
            return
        self._read(data)
        if self._pinged or len(self._queue) >= self._max_queue:
            self._after_read()

    def _keep(self, data: bytes) -> None:
        """Take bytes that cannot all be parsed now."""
        if not self._paused:
            # Without this libuv would read from a busy socket many times in one turn.
            self._paused = True
            self._stream.pause_reading()
        if self._held:
            self._unread += data
            return
        self._held = True
        slice_ = self._slice
        self._unread += memoryview(data)[slice_:]
        self._read_slice(data[:slice_])
        self._kernel.loop.call_soon(self._read_on)

    def _read_slice(self, data: bytes) -> None:
        now = self._kernel.loop.time
        started = now()
        self._read(data)
        took = now() - started
        self._after_read()
        if took > SLICE_TIME:
            self._slice = max(self._slice // 2, SMALLEST_SLICE)
        elif took < SLICE_TIME / 4 and self._slice < SLICE:
            self._slice *= 2

    def _read_shared(self, data: bytes) -> None:
        """Parse, where other streams of the connection keep messages as well."""
        assert self._codec is not None
        assert self._stream.keeps is not None
        self._codec.receive(data)
        self._stream.keeps(self.kept)

    @property
    def kept(self) -> int:
        """Bytes of messages (`tricorn.api.Tunnel`)."""
        return self._queued + (0 if self._codec is None else self._codec.unfinished)

    def _progresses(self) -> bool:
        """Whether more of a message has come since this was asked: no pong can come within a frame."""
        before, self._seen = self._seen, 0 if self._codec is None else self._codec.unfinished
        return self._seen not in (0, before)

    def _read_on(self) -> None:
        """Parse what waits, one slice in each turn of the loop."""
        if not self._held or self._full or self._codec is None:
            return
        unread = self._unread
        slice_ = self._slice
        with memoryview(unread) as view:
            data = bytes(view[:slice_])
        del unread[:slice_]
        self._read_slice(data)
        if self._full or self._codec is None:
            return
        if unread:
            self._kernel.loop.call_soon(self._read_on)
            return
        self._held = False
        if self._ended:
            self.end()
        elif self._paused:
            self._paused = False
            self._stream.resume_reading()

    def end(self) -> None:
        """The peer sends no more (`tricorn.api.Receiver`)."""
        raise NotImplementedError

    def _after_read(self) -> None:
        self._send_pongs()
        if len(self._queue) >= self._max_queue and self._open:
            self._full = self._held = True

    def _send_pongs(self) -> None:
        if self._pinged:
            self._pinged = False
            self._out.send_pongs()

    def _drop_unread(self) -> None:
        """The application takes no more messages: read on, for the sake of the peer's close frame."""
        self._open = False
        if self._full:
            self._full = False
            self._kernel.loop.call_soon(self._read_on)

    def _stop_reading(self) -> None:
        """Nothing more is read at all: what still comes is dropped, and the codec with what it keeps."""
        self._open = self._pinged = self._held = False
        self._codec = None
        self._read = drop
        self._slice = sys.maxsize
        self._paused = True  # not by us any more: the stream has an end of its own
        self._unread = bytearray()

    # --- messages --------------------------------------------------------------------------------------------------

    def on_message(self, data: str | bytes) -> bool:
        """A message (`tricorn.api.WsSink`)."""
        if not self._open:
            return True
        self._queue.append(data)
        if self._waiter is not None:
            self._wake()
        self._queued += len(data) + MESSAGE_COST
        if self._queued > self._limit:
            self._full = self._held = True
            return False
        return True

    def on_ping(self, pong: bytes) -> None:
        """A ping, answered when all that was read with it is parsed (`tricorn.api.WsSink`)."""
        if self._open:
            self._pinged = True
            self._out.add_pong(pong)

    def _drop_messages(self) -> None:
        """Nobody will take them."""
        self._queue.clear()
        self._queued = 0

    def _take(self) -> Message:
        """The oldest message as an event."""
        data = self._queue.popleft()
        self._queued -= len(data) + MESSAGE_COST
        if self._full and self._queued <= self._limit // 2 and len(self._queue) <= self._max_queue // 2:
            self._full = False
            self._kernel.loop.call_soon(self._read_on)
        if type(data) is str:
            return {"type": "websocket.receive", "text": data}
        return {"type": "websocket.receive", "bytes": data}

    def _news(self) -> asyncio.Future[None]:
        """What to await before looking again."""
        waiter = self._create_future()
        if self._waiter is None or self._waiter.done():  # a cancelled call leaves its future behind
            self._waiter = waiter
        else:
            self._others = [other for other in self._others if not other.done()]
            self._others.append(waiter)
        return waiter

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
        if self._others:
            others, self._others = self._others, []
            for waiter in others:
                if not waiter.done():
                    waiter.set_result(None)
