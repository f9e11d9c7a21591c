"""One stream: the kernel's `Stream`, and both of its windows.

A stream is open in two directions, `receiving` and `sending`; it is gone when both have ended or either side has reset
it. What cannot leave yet, because of the client's windows or because the transport is full, waits here: as field
blocks (`_held`, in front of the data), as data, and as the mark that the data is all, with trailers or without.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from tricorn.api import Headers, Receiver, Refusal, Tunnel
from tricorn.fields import FRAMED
from tricorn.responses import refusal_body
from tricorn_http_h2 import frames
from tricorn_http_h2.abuse import WORK
from tricorn_http_h2.fields import FIELDS, STATUSES
from tricorn_http_h2.frames import (
    CANCEL,
    DATA,
    DEFAULT_WINDOW,
    END_STREAM,
    FRAME_LIMIT,
    INTERNAL_ERROR,
    NO_ERROR,
    PROTOCOL_ERROR,
    StreamFault,
    frame_header,
)
from tricorn_http_h2.priority import Priority

if TYPE_CHECKING:
    from tricorn_http_h2.connection import Http2Connection
    from tricorn_http_h2.heads import Request

SEND_LIMIT = 65536
"""Octets that wait on a stream before its application has to wait, and a quarter of it is where it goes on."""
DRAIN_LIMIT = 262144
"""Octets of a request body that are taken although the response is complete: some clients read only after writing."""
DRAIN_TIME = 5.0
"""Seconds that this may take."""

_PLAIN_TEXT = (b"content-type", b"text/plain; charset=utf-8")


class Http2Stream:
    """One request and its response, or one tunnel.

    id: the stream identifier. window: octets that the client lets us send. waiting: octets that wait to be sent.
    """

    __slots__ = (
        "_connection",
        "_deadline",
        "_drain",
        "_end",
        "_expects",
        "_given",
        "_held",
        "_left",
        "_parts",
        "_paused",
        "_responding",
        "_room",
        "_size",
        "_trailers",
        "_tunnel",
        "_tunnelled",
        "_waiters",
        "client",
        "congested",
        "id",
        "peer",
        "priority",
        "receiver",
        "receiving",
        "secure",
        "sending",
        "server",
        "waiting",
        "window",
    )

    multiplexed = True
    fields = FIELDS

    def __init__(self, connection: Http2Connection, number: int, request: Request, end: bool) -> None:
        self._connection = connection
        self.id = number
        self.client = connection.client
        self.server = connection.server
        self.peer = connection.peer
        self.secure = connection.secure
        self.priority: Priority = request.priority
        self.window = connection.client_settings.window
        self.congested = False
        self.receiver: Receiver | None = None
        self.receiving = not end
        self.sending = True
        self.waiting = 0
        self._tunnel: Tunnel | None = None
        self._tunnelled = request.protocol is not None
        self._deadline = 0.0
        self._parts: deque[bytes | memoryview] | None = None
        self._held = b""
        self._end = False
        self._trailers = b""
        self._waiters: list[asyncio.Future[None]] | None = None
        self._left = request.length
        self._expects = request.expects
        self._responding = False
        self._paused = False
        self._drain = DRAIN_LIMIT
        self._size = self._room = DEFAULT_WINDOW
        self._given = 0

    # --- the request -----------------------------------------------------------------------------------------------

    def receive(self, data: bytes, size: int, end: bool) -> None:
        """A DATA frame: its data, and the octets of its payload, padding included. Raises StreamFault."""
        self._room -= size
        if self._room < 0:
            raise StreamFault(frames.FLOW_CONTROL_ERROR, "more data than the stream's window")
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise StreamFault(PROTOCOL_ERROR, "more data than Content-Length")
        if data:
            if self.receiver is not None:
                self.receiver.feed(data)
            else:
                self._drop(len(data))
        if end:
            self.end()
        elif self.receiving:
            self._give_room()

    def _drop(self, size: int) -> None:
        """Data that nobody wants."""
        self._drain -= size
        if self._drain < 0:
            self.reset(NO_ERROR)

    def _give_room(self) -> None:
        """Widen the window for what the application has taken, and by more for one that keeps up."""
        connection = self._connection
        if self._paused:
            return
        self.await_body()
        used = self._size - self._room
        if used * 2 >= self._size:
            # The kernel keeps one such window for an application before it pauses: a third shows that it reads.
            self._given += 1
            grown = min(2 * self._size, max(self._size, connection.stream_window)) if self._given > 2 else self._size
            connection.emit(frames.window_update(self.id, grown - self._room))
            self._size = self._room = grown

    def await_body(self) -> None:
        """Give the client time for the next part of the body. A tunnel's deadlines are its receiver's."""
        if self.receiving and not self._tunnelled and self.receiver is not None and not (self._paused or self.waiting):
            kernel = self._connection.kernel
            self.deadline = kernel.due(kernel.timeout_body)

    def end(self) -> None:
        """The client has sent all: END_STREAM. Raises StreamFault."""
        if self._left:
            raise StreamFault(PROTOCOL_ERROR, "less data than Content-Length")
        self.receiving = False
        if self.receiver is not None:
            if not self.waiting:
                self._deadline = 0.0
            self.receiver.end()
        if not self.sending:
            self._connection.forget(self)

    def pause_reading(self) -> None:
        """Let the client's window run out (`tricorn.api.Stream`)."""
        self._paused = True
        if not self.waiting and not self._tunnelled:
            self._deadline = 0.0

    def resume_reading(self) -> None:
        """Widen the window again."""
        self._paused = False
        if self.receiving:
            self._give_room()

    # --- the response ----------------------------------------------------------------------------------------------

    def send_head(self, status: int, fields: list[bytes], flags: int, data: bytes, end: bool) -> None:
        """Send the final head and the first body bytes (`tricorn.api.Stream`)."""
        if not self.sending:
            return
        connection = self._connection
        block = STATUSES[status] + connection.defaults(flags) + b"".join(fields)
        head = frames.headers(self.id, connection.first_block + block, end and not data)
        connection.first_block = b""
        self._responding = True
        if not data:
            self._send_head(head, end)
            return
        size = len(data)
        if not connection.busy and size <= FRAME_LIMIT and size <= self.window and size <= connection.window:
            self.window -= size
            connection.window -= size
            connection.control.earned += WORK
            connection.emit(head + frame_header(DATA, END_STREAM if end else 0, self.id, size) + data)
            if end:
                self._complete()
        else:
            self._send_head(head, False)
            self._add(data, end)

    def _send_head(self, head: bytes, end: bool) -> None:
        """A field block: no window counts it, but what the transport does not take must wait somewhere that has a
        bound, and streams have one."""
        connection = self._connection
        if connection.congested:
            self._held += head
            self._end = end
            connection.held.append(self)
            self._wait_for_room()
        else:
            connection.emit(head)
            if end:
                self._complete()

    def send_data(self, data: bytes, end: bool) -> None:
        """Send body bytes (`tricorn.api.Stream`)."""
        if not self.sending:
            return
        connection = self._connection
        size = len(data)
        if connection.busy or self.waiting or size > FRAME_LIMIT or size > self.window or size > connection.window:
            if size or self.waiting:
                self._add(data, end)
            elif end:
                self._send_head(frame_header(DATA, END_STREAM, self.id, 0), True)
        elif size or end:
            self.window -= size
            connection.window -= size
            connection.control.earned += WORK
            connection.emit(frame_header(DATA, END_STREAM if end else 0, self.id, size) + data)
            if end:
                self._complete()

    def send_trailers(self, headers: Headers) -> None:
        """Send the trailer section behind the data (`tricorn.api.Stream`)."""
        if self.sending:
            trailers = frames.headers(self.id, b"".join(self.fields(headers)[0]), True)
            if self.waiting:
                self._trailers = trailers
                self._end = True
            else:
                self._send_head(trailers, True)

    def send_informational(self, status: int, headers: Headers) -> None:
        """Send an interim response (`tricorn.api.Stream`)."""
        self._expects = False
        if self.sending and not self._responding:
            connection = self._connection
            block = connection.first_block + STATUSES[status] + b"".join(self.fields(headers)[0])
            connection.first_block = b""
            self._send_head(frames.headers(self.id, block, False), False)

    def refuse(self, refusal: Refusal) -> None:
        """Answer for a request that the server does not take."""
        self._connection.kernel.refused(self, refusal)
        body = refusal_body(refusal)
        fields, _, _ = self.fields([_PLAIN_TEXT, *refusal.headers])
        fields.append(self.fields.length(len(body)))
        self.send_head(refusal.status, fields, FRAMED, body, True)

    def accept_tunnel(self, headers: Headers, receiver: Tunnel) -> None:
        """Answer an extended CONNECT with 200 (RFC 8441 section 5)."""
        self.send_head(200, self.fields(headers)[0], 0, b"", False)
        self.receiver = self._tunnel = receiver
        self._left = None

    # --- data that waits -------------------------------------------------------------------------------------------

    def _add(self, data: bytes, end: bool) -> None:
        if self._parts is None:
            self._parts = deque()
        if data:
            self._parts.append(data)
            self.waiting += len(data)
        self._end = end
        if self.waiting > SEND_LIMIT:
            self.congested = True
        self._wait_for_room()
        if self.window > 0:
            self._connection.schedule_stream(self)

    def _wait_for_room(self) -> None:
        kernel = self._connection.kernel
        self.deadline = kernel.due(kernel.timeout_write)

    def send_chunk(self) -> int:
        """Send as much of what waits as one frame and the windows allow, at least an octet; return how much."""
        connection = self._connection
        size = min(FRAME_LIMIT, self.window, connection.window, self.waiting)
        data = self._take(size)
        self.window -= size
        connection.window -= size
        self.waiting -= size
        last = not self.waiting
        flags = END_STREAM if last and self._end and not self._trailers else 0
        connection.control.earned += WORK
        connection.emit(frame_header(DATA, flags, self.id, size))
        connection.emit(data)
        if last or self.window <= 0:
            connection.schedule.remove(self)
        if self.waiting <= SEND_LIMIT // 4 and self.congested:
            self.congested = False
            self._wake()
        if not last:
            self._wait_for_room()
        elif not self._end:
            self._deadline = 0.0
            self.await_body()
        else:
            if self._trailers:
                connection.emit(self._trailers)
            self._complete()
        return size

    def _take(self, size: int) -> bytes | memoryview:
        """So many octets from the front of what waits; large parts are cut without being copied."""
        parts = self._parts
        assert parts is not None
        first = parts[0]
        if len(first) > size:
            view = memoryview(first)
            parts[0] = view[size:]
            return view[:size]
        taken = []
        while size:
            part = parts[0]
            if len(part) > size:
                view = memoryview(part)
                parts[0] = view[size:]
                part = view[:size]
            else:
                parts.popleft()
            taken.append(part)
            size -= len(part)
        return taken[0] if len(taken) == 1 else b"".join(taken)

    def release_head(self) -> None:
        """The transport takes frames again: send those that no window counts."""
        head, self._held = self._held, b""
        if head and self.sending:
            self._connection.emit(head)
            if not self.waiting:
                self._deadline = 0.0
                if self._end:
                    self._complete()

    def widen(self, increment: int) -> None:
        """The client lets us send more, or by a change of its settings less."""
        self.window += increment
        if self.waiting:
            if self.window > 0:
                self._connection.schedule_stream(self)
            else:
                self._connection.schedule.remove(self)

    def blocked(self) -> Awaitable[None] | None:
        """None while there is room (`tricorn.api.Stream`)."""
        if not self.congested:
            return None
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._waiters is None:
            self._waiters = []
        self._waiters.append(waiter)
        return waiter

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, None
        for waiter in waiters or ():
            if not waiter.done():
                waiter.set_result(None)

    # --- ends ------------------------------------------------------------------------------------------------------

    @property
    def deadline(self) -> float:
        """When `expire` is due, on the kernel's clock; 0 for never."""
        return self._deadline

    @deadline.setter
    def deadline(self, due: float) -> None:
        self._deadline = due
        self._connection.arm(due)

    def expire(self) -> None:
        """The deadline has passed, and it depends on what was waited for whose it was."""
        self._deadline = 0.0
        if self._tunnel is not None and self.sending and not self.congested:
            self._tunnel.expire()
        elif self.waiting or self._held:
            if self.window > 0 and self._connection.progresses():
                self._wait_for_room()  # others are served meanwhile, by priority
            else:
                self.reset(CANCEL)
        elif not self.sending:
            self.reset(NO_ERROR)
        elif self._responding:
            self.reset(CANCEL)
        else:
            self._disconnect()
            self.refuse(Refusal(408, "the request body took too long"))

    def drain(self) -> None:
        """The server is shutting down."""
        if self._tunnel is not None and self.sending:
            self._tunnel.drain()

    def _complete(self) -> None:
        """The response has left. A request that has not arrived yet gets a little time to."""
        connection = self._connection
        connection.kernel.total_requests += 1
        self.sending = False
        if not self.receiving:
            connection.forget(self)
            return
        self.receiver = None
        self._paused = False
        if self._expects or (self._left or 0) > DRAIN_LIMIT:
            self.reset(NO_ERROR)
            return
        self._give_room()
        self.deadline = connection.kernel.due(DRAIN_TIME)

    def reset(self, code: int) -> None:
        """End the stream from our side with RST_STREAM."""
        self._connection.emit(frames.reset(self.id, code))
        self.vanish()
        self._connection.remember_reset(self.id)

    def vanish(self) -> None:
        """The stream is gone: nothing arrives on it and nothing leaves."""
        self.receiving = self.sending = self.congested = False
        self.waiting = 0
        self._parts = None
        self._held = b""
        self._connection.schedule.remove(self)
        self._connection.forget(self)
        self._disconnect()
        self._wake()

    def _disconnect(self) -> None:
        receiver, self.receiver = self.receiver, None
        if receiver is not None:
            if self in self._connection.fresh:
                del self._connection.fresh[self]
                return
            self._connection.leave_running(receiver)
            receiver.disconnect()

    def abort(self) -> None:
        """Cut the stream so that the client sees that it is incomplete (`tricorn.api.Stream`)."""
        if self.sending or self.receiving:
            self.reset(INTERNAL_ERROR)
