"""The sending half of an HTTP/1 connection: the `Stream` of each of its requests in turn, and how it ends.

There is one response at a time, so the connection itself is the stream of it. What it has to write may wait for more
of the same turn of the loop: see `tricorn.gathering`.

The states are those of the reading half, `tricorn.http1`, which describes them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING

from tricorn.api import Headers, Receiver, Refusal, Tunnel
from tricorn.fields import CLOSE, DATE, FRAMED, SERVER, FieldTable
from tricorn.gathering import LARGE, Gathering
from tricorn.responses import STATUS_LINES, refusal_response, size_line, size_lines

if TYPE_CHECKING:
    from tricorn.kernel import Kernel

HEAD, LENGTH, CHUNKED, SERVING, TUNNEL, LINGER = range(6)

BACKLOG_LIMIT = 65536
"""Bytes of pipelined requests kept while one is served, before the client is made to wait."""
DRAIN_LIMIT = 262144
"""Bytes of an unread request body that are worth reading only to keep the connection."""
DRAIN_TIME = 5.0
"""Seconds an unread body may take to arrive."""
LINGER_TIME = 2.0
"""Seconds a client gets to read the last response before the connection is closed under it."""

_CHUNKED = b"transfer-encoding: chunked\r\n"
_CLOSE = b"connection: close\r\n"
_KEEP_ALIVE = b"connection: keep-alive\r\n"


def _render(name: bytes, value: bytes) -> bytes:
    return b"%b: %b\r\n" % (name, value)


FIELDS: FieldTable[bytes] = FieldTable(_render)


class Http1Stream(Gathering):
    """What `Http1Connection` inherits: all that writes, and all that ends a response or the connection.

    _persistent: the connection goes on after this response. _plain: its head says nothing about the connection.
    """

    multiplexed = False
    keeps = None
    fields = FIELDS

    __slots__ = (
        "_backlog_start",
        "_chunked",
        "_drain",
        "_eof",
        "_expects",
        "_framed",
        "_fresh",
        "_left",
        "_minor",
        "_partial",
        "_paused",
        "_persistent",
        "_plain",
        "_receiver",
        "_sent",
        "_state",
        "_tunnel",
        "_unwritten",
        "_waiters",
        "client",
        "congested",
        "deadline",
        "peer",
        "secure",
        "server",
    )

    client: tuple[str, int] | None
    server: tuple[str, int | None] | None
    peer: str
    secure: bool

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self._state = HEAD
        self._partial: bytearray | None = None
        self._backlog_start = 0
        self._left = 0
        self._drain = 0
        self._receiver: Receiver | None = None
        self._tunnel: Tunnel | None = None
        self._framed = True
        self._fresh = False
        self._expects = False
        self._minor = 1
        self._persistent = True
        self._plain = True
        self._chunked = False
        self._sent = False
        self._paused = False
        self._eof = False
        self._unwritten = 0
        self._waiters: list[asyncio.Future[None]] = []
        self.congested = False
        self.deadline = 0.0

    def _go_on(self) -> None:
        """Serve what waits behind the response that is complete now."""
        raise NotImplementedError

    def departed(self, gone: bool) -> None:
        """The client has left while reading was paused (`tricorn.departures.Leaving`)."""
        raise NotImplementedError

    # --- the response ----------------------------------------------------------------------------------------------

    def send_head(self, status: int, fields: list[bytes], flags: int, data: bytes, end: bool) -> None:
        """Send the head and the first body bytes in one write (`tricorn.api.Stream`)."""
        kernel = self._kernel
        prefix = kernel.prefixes.get(status) or kernel.prefix(status)
        if flags != FRAMED or not self._plain or self._state != SERVING:
            if flags & (DATE | SERVER):
                prefix = STATUS_LINES[status] + kernel.default_fields_without(flags)
            data = self._describe(fields, flags, data, end)
        self._sent = True
        if len(data) >= LARGE:
            self._write_pieces(b"".join((prefix, *fields, b"\r\n")), data)
        elif self._gathered is None:
            write = self._write
            write(b"".join((prefix, *fields, b"\r\n", data)))
        else:
            self._gather(b"".join((prefix, *fields, b"\r\n", data)), end)
        if end:
            self._finish()

    def _describe(self, fields: list[bytes], flags: int, data: bytes, end: bool) -> bytes:
        """Add the fields that say where the body ends and whether the connection does; return the framed data."""
        persistent = self._persistent and not flags & CLOSE and not (self._eof and not self._backlog)
        if persistent and self._state != SERVING:
            # A client that still waits for 100 may send its body or not; a large rest is not worth reading.
            persistent = not self._expects and not (end and self._left > DRAIN_LIMIT)
        if not flags & FRAMED:
            if self._minor:
                self._chunked = True
                fields.append(_CHUNKED)
                if data:
                    data = b"%x\r\n%b\r\n" % (len(data), data)
            else:
                self._framed = persistent = False
        if not persistent:
            fields.append(_CLOSE)
        elif not self._minor:
            fields.append(_KEEP_ALIVE)
        self._persistent = persistent
        return data

    def send_data(self, data: bytes, end: bool) -> None:
        """Send body bytes, or whatever bytes once the connection is a tunnel."""
        if self._chunked:
            size = len(data)
            if 0 < size < LARGE:
                line = size_lines.get(size) or size_line(size)
                self._gather_chunk(b"".join((line, data, b"\r\n0\r\n\r\n" if end else b"\r\n")))
            elif data:
                self._write_pieces(b"%x\r\n" % size, data, b"\r\n0\r\n\r\n" if end else b"\r\n")
            elif end:
                self._gather_chunk(b"0\r\n\r\n")
        elif data:
            self._write(data)
        if end:
            if self._state == TUNNEL:
                self._linger()
            else:
                self._finish()

    def send_pieces(self, pieces: Sequence[bytes]) -> None:
        """Send raw bytes of a tunnel that come in large pieces (`tricorn.api.Stream`)."""
        self._write_pieces(*pieces)

    def send_trailers(self, headers: Headers) -> None:
        """End a response with a trailer section (RFC 9112 section 7.1.2), which only a chunked one has room for."""
        if self._chunked:
            self._release()
            self._write(b"0\r\n%b\r\n" % b"".join(_render(*field) for field in headers))
        self._finish()

    def send_informational(self, status: int, headers: Headers) -> None:
        """Send an interim response; HTTP/1.0 knows none."""
        if status == 100:
            self._expects = False
        if self._minor and not self._sent:
            self._release()
            self._write(STATUS_LINES[status] + b"".join(_render(*field) for field in headers) + b"\r\n")

    def accept_tunnel(self, headers: Headers, receiver: Tunnel) -> None:
        """Answer 101 and let all bytes pass, those included that arrived behind the head."""
        self._release()
        defaults = self._kernel.default_fields_without(self.fields.render(headers)[2])
        self._write(STATUS_LINES[101] + defaults + b"".join(_render(*field) for field in headers) + b"\r\n")
        self._sent = True
        self._state = TUNNEL
        self._receiver = self._tunnel = receiver
        self.deadline = 0.0
        backlog, self._backlog = self._backlog[self._backlog_start :], b""
        self.resume_reading()
        if backlog:
            receiver.feed(backlog)

    # --- flow control ----------------------------------------------------------------------------------------------

    def pause_reading(self) -> None:
        """Let the client wait. Its deadline rests: it is not the one who is slow."""
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()
            self._kernel.departures.watch(self._transport, self)
            if not self.congested and self._state != TUNNEL:
                self.deadline = 0.0

    def resume_reading(self) -> None:
        """Read again, unless pipelined requests have filled their share."""
        if self._paused and not (self._state == SERVING and len(self._backlog) - self._backlog_start > BACKLOG_LIMIT):
            self._paused = False
            self._kernel.departures.forget(self)
            if not self._transport.is_closing():
                self._transport.resume_reading()
                if self._state in (LENGTH, CHUNKED):
                    self._await_body()

    def _await_body(self) -> None:
        """Give the client time for the next part of a body, or for all the rest of one that nobody reads. Not while we
        let it wait, and not while it is slow to take what we send: that has a deadline of its own."""
        if not (self._paused or self.congested):
            kernel = self._kernel
            self.deadline = kernel.due(DRAIN_TIME if self._receiver is None else kernel.timeout_body)

    def pause_writing(self) -> None:
        """The transport's buffer is full: the client reads too slowly."""
        self.congested = True
        self._unwritten = self._transport.get_write_buffer_size()
        self.deadline = self._kernel.due(self._kernel.timeout_write)

    def resume_writing(self) -> None:
        """The transport has room again: the deadline is that of whatever else the client owes."""
        self.congested = False
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        state = self._state
        if state in (LENGTH, CHUNKED, SERVING):
            self.deadline = 0.0
            if state != SERVING:
                self._await_body()
            elif self._receiver is None:
                self._go_on()
        elif state == TUNNEL:
            self.deadline = self._kernel.clock  # the receiver's: it is asked at once
        elif state == LINGER:
            self.deadline = self._kernel.due(LINGER_TIME)

    def blocked(self) -> Awaitable[None] | None:
        """None while the transport's buffer has room (`tricorn.api.Stream`)."""
        if not self.congested or self._transport.is_closing():
            return None
        waiter = self._kernel.loop.create_future()
        self._waiters.append(waiter)
        return waiter

    # --- ends ------------------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        """The response is complete: be ready for the next request, or end the connection."""
        kernel = self._kernel
        kernel.total_requests += 1
        self._receiver = None
        if self._state == SERVING:
            if not self._persistent:
                self._release()
                if self._backlog:
                    self._linger()
                else:
                    self._transport.close()
            elif self._backlog or self.congested or self._eof:
                if not self.congested:
                    kernel.go_on(self._go_on)
            else:
                if self._gathered is not None:
                    self._release()
                    self._gathered = None
                    if self.congested:
                        return
                self._state = HEAD
                self.deadline = kernel.clock + kernel.keep_alive
                if self._paused:
                    self.resume_reading()
        elif self._persistent and not self._expects:
            self._release()
            self._drain = DRAIN_LIMIT
            self.resume_reading()
            self._await_body()
        else:
            self._linger()

    def _refuse(self, refusal: Refusal) -> None:
        """Answer for a request that breaks a rule, or cut the response that its application has begun."""
        receiver, self._receiver = self._receiver, None
        started, self._fresh = receiver is not None and not self._fresh, False
        if receiver is not None and started:
            receiver.disconnect()
        self._kernel.refused(refusal)
        if self._sent and started:
            self.abort()
            return
        if receiver is None and self._state in (LENGTH, CHUNKED):
            self._linger()  # the answer has been sent: only the rest of the body was awaited
            return
        self._sent = True
        self._release()
        self._write(refusal_response(refusal, self._kernel.default_fields))
        self._linger()

    def _linger(self) -> None:
        """Close after what was written, reading a little longer: closing over unread input would reset the
        connection and could take the response away from the client (RFC 9112 section 9.6)."""
        self._release()
        self._state = LINGER
        self._partial = None
        self._backlog = b""
        self._drain = DRAIN_LIMIT
        transport = self._transport
        if transport.is_closing():
            return
        if self._eof or not transport.can_write_eof():
            transport.close()
            return
        transport.write_eof()
        if not self.congested:
            self.deadline = self._kernel.due(LINGER_TIME)
        self.resume_reading()

    def abort(self) -> None:
        """Cut the connection so that an unfinished response shows as such, even one that a close would end."""
        self._release()
        self._state = LINGER
        if self._sent and not self._framed:
            self._kernel.reset_on_close(self._transport)
        self._transport.abort()
