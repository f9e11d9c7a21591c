"""The sending half of a stream: its window, and what waits for it or for the transport.

What cannot leave yet waits here: as field blocks (`_held`, in front of the data), as data, and as the mark that the
data is all (`_end`), with trailers or without.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING

from tricorn.api import Headers
from tricorn_http_h2 import frames
from tricorn_http_h2.abuse import WORK
from tricorn_http_h2.fields import FIELDS, STATUSES
from tricorn_http_h2.frames import DATA, END_STREAM, FRAME_LIMIT, frame_header

if TYPE_CHECKING:
    from tricorn_http_h2.connection import Http2Connection
    from tricorn_http_h2.priority import Priority

SEND_LIMIT = 65536
"""Octets that wait on a stream before its application has to wait, and a quarter of it is where it goes on."""
SHARED_SEND_LIMIT = 1 << 21
"""Octets that wait on all streams of a connection before that quarter has to be enough for each."""


class SendingStream:
    """What `Http2Stream` inherits.

    id: the stream identifier. window: octets that the client lets us send. waiting: octets that wait to be sent.
    """

    __slots__ = (
        "_connection",
        "_deadline",
        "_end",
        "_expects",
        "_held",
        "_parts",
        "_responding",
        "_trailers",
        "_waiters",
        "congested",
        "id",
        "priority",
        "sending",
        "waiting",
        "window",
    )

    fields = FIELDS

    def __init__(self, connection: Http2Connection, number: int, priority: Priority, expects: bool) -> None:
        self._connection = connection
        self.id = number
        self.priority = priority
        self.window = connection.client_settings.window
        self.congested = False
        self.sending = True
        self.waiting = 0
        self._deadline = 0.0
        self._parts: deque[bytes | memoryview] | None = None
        self._held = b""
        self._end = False
        self._trailers = b""
        self._waiters: list[asyncio.Future[None]] | None = None
        self._expects = expects
        self._responding = False

    def complete(self) -> None:
        """The response has left."""
        raise NotImplementedError

    def wait_for_room(self) -> None:
        """Give the client time to take what waits."""
        raise NotImplementedError

    def caught_up(self) -> None:
        """Nothing waits any more."""
        raise NotImplementedError

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
                self.complete()
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
            self.wait_for_room()
        else:
            connection.emit(head)
            if end:
                self.complete()

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
                self.complete()

    def send_pieces(self, pieces: Sequence[bytes]) -> None:
        """Send bytes of a tunnel that come in pieces (`tricorn.api.Stream`)."""
        self.send_data(b"".join(pieces), False)

    def send_trailers(self, headers: Headers) -> None:
        """Send the trailer section behind the data (`tricorn.api.Stream`)."""
        if self.sending:
            trailers = frames.headers(self.id, b"".join(self.fields.render(headers)[0]), True)
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
            block = connection.first_block + STATUSES[status] + b"".join(self.fields.render(headers)[0])
            connection.first_block = b""
            self._send_head(frames.headers(self.id, block, False), False)

    # --- data that waits -------------------------------------------------------------------------------------------

    def _add(self, data: bytes, end: bool) -> None:
        if self._parts is None:
            self._parts = deque()
        if data:
            self._parts.append(data)
            self.waiting += len(data)
            self._connection.waiting += len(data)
        self._end = end
        if self.waiting > (SEND_LIMIT if self._connection.waiting < SHARED_SEND_LIMIT else SEND_LIMIT // 4):
            self.congested = True
        self.wait_for_room()
        if self.window > 0:
            self._connection.schedule_stream(self)

    def send_chunk(self) -> int:
        """Send as much of what waits as one frame and the windows allow, at least an octet; return how much."""
        connection = self._connection
        size = min(FRAME_LIMIT, self.window, connection.window, self.waiting)
        data = self._take(size)
        self.window -= size
        connection.window -= size
        self.waiting -= size
        connection.waiting -= size
        last = not self.waiting
        flags = END_STREAM if last and self._end and not self._trailers else 0
        connection.control.earned += WORK
        connection.emit(frame_header(DATA, flags, self.id, size))
        connection.emit(data)
        if last or self.window <= 0:
            connection.schedule.remove(self)
        if self.waiting <= SEND_LIMIT // 4 and self.congested:
            self.congested = False
            self.wake()
        if not last:
            self.wait_for_room()
        elif not self._end:
            self.caught_up()
        else:
            if self._trailers:
                connection.emit(self._trailers)
            self.complete()
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
                if self._end:
                    self.complete()
                else:
                    self.caught_up()

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

    def wake(self) -> None:
        """Let everybody go who waits for room."""
        waiters, self._waiters = self._waiters, None
        for waiter in waiters or ():
            if not waiter.done():
                waiter.set_result(None)

    @property
    def deadline(self) -> float:
        """When `expire` is due, on the kernel's clock; 0 for never."""
        return self._deadline

    @deadline.setter
    def deadline(self, due: float) -> None:
        self._deadline = due
        self._connection.arm(due)
