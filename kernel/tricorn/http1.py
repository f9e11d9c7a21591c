"""One HTTP/1 connection: where heads end, how bodies are framed, and when the connection persists.

The reading side is in one of these states:

    HEAD      between messages, or inside a head that has not arrived completely (`_partial`)
    LENGTH    inside a body of `_left` more bytes
    CHUNKED   inside a chunked body
    SERVING   the request is complete and its response is not; what arrives waits in `_backlog`
    TUNNEL    after an accepted upgrade: bytes pass through to the receiver
    LINGER    all has been sent; what still arrives is dropped until the client closes (RFC 9112 section 9.6)

`_read` and `_open` move it forward; `_finish` moves it back to HEAD when the response is complete; `_linger` ends it.
The writing side has no state of its own: there is one response at a time, and the connection is the `Stream` of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, cast

from tricorn.api import Head, Headers, Http1Codec, Receiver, Refusal
from tricorn.chunked import ChunkedReader
from tricorn.exchange import Exchange
from tricorn.fields import CLOSE, DATE, FRAMED, SERVER, FieldTable
from tricorn.heads import CHUNKED_BODY, METHODS, check_names, check_partial, count_lines, examine, known_names
from tricorn.heads import method_name, read_strict
from tricorn.responses import STATUS_LINES, refusal_body
from tricorn.target import known_hosts

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
LARGE = 65536
"""Bytes of a body event that is handed to the transport by itself: copying it next to the head costs more."""

_CHUNKED = b"transfer-encoding: chunked\r\n"
_CLOSE = b"connection: close\r\n"
_KEEP_ALIVE = b"connection: keep-alive\r\n"


class Http1Connection(asyncio.Protocol):
    """The protocol object of one connection, and the `Stream` of each of its requests in turn."""

    multiplexed = False
    fields: FieldTable[bytes] = FieldTable(lambda name, value: b"%b: %b\r\n" % (name, value))

    __slots__ = (
        "_backlog",
        "_backlog_start",
        "_blank",
        "_chunked",
        "_chunks",
        "_drain",
        "_eof",
        "_expects",
        "_fresh",
        "_kernel",
        "_left",
        "_minor",
        "_partial",
        "_paused",
        "_persistent",
        "_read_head",
        "_receiver",
        "_sent",
        "_state",
        "_transport",
        "_unwritten",
        "_waiters",
        "_write",
        "client",
        "deadline",
        "peer",
        "secure",
        "server",
    )

    def __init__(self, kernel: Kernel, codec: Http1Codec) -> None:
        self._kernel = kernel
        self._read_head = codec.read_head
        self._state = HEAD
        self._partial: bytearray | None = None
        self._backlog = b""
        self._backlog_start = 0
        self._blank = False
        self._left = 0
        self._chunks: ChunkedReader | None = None
        self._drain = 0
        self._receiver: Receiver | None = None
        self._fresh = False
        self._expects = False
        self._minor = 1
        self._persistent = True
        self._chunked = False
        self._sent = False
        self._paused = False
        self._eof = False
        self._unwritten = -1
        self._waiters: list[asyncio.Future[None]] = []
        self.deadline = 0.0

    # --- asyncio's side --------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection was accepted; its first head is due."""
        self._transport = cast("asyncio.Transport", transport)
        self._write = self._transport.write
        kernel = self._kernel
        self.client, self.server, self.peer = kernel.addresses(self._transport)
        self.secure = transport.get_extra_info("ssl_object") is not None
        self.deadline = kernel.due(kernel.timeout_head)
        kernel.add(self)

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        state = self._state
        if state == TUNNEL:
            cast("Receiver", self._receiver).feed(data)
        elif state == SERVING:
            self._wait(data)
        elif state == LINGER:
            self._drain -= len(data)
            if self._drain < 0:
                self._transport.abort()
        elif self._partial is not None:
            self._continue_head(data)
        else:
            self._read(data, 0)

    def eof_received(self) -> bool:
        """The client has closed its sending side. A complete request still gets its answer: True keeps us open."""
        state = self._state
        receiver = self._receiver
        if state == TUNNEL:
            cast("Receiver", receiver).disconnect()
        elif state == SERVING:
            self._eof = True
            if isinstance(receiver, Exchange):
                receiver.half_close()
            return not self.secure
        elif receiver is not None and state in (LENGTH, CHUNKED):
            receiver.disconnect()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, whoever ended it."""
        self.deadline = 0.0
        self._kernel.remove(self)
        receiver, self._receiver = self._receiver, None
        self._state = LINGER
        if receiver is not None:
            receiver.disconnect()
        self.resume_writing()

    def pause_writing(self) -> None:
        """The transport's buffer is full: the client reads too slowly."""
        self._unwritten = self._transport.get_write_buffer_size()
        self.deadline = self._kernel.due(self._kernel.timeout_write)

    def resume_writing(self) -> None:
        """The transport has room again."""
        self._unwritten = -1
        if self._state == SERVING:
            self.deadline = 0.0
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    # --- reading ---------------------------------------------------------------------------------------------------

    def _read(self, data: bytes, position: int) -> None:
        """Advance through `data`, then start the request that it brought."""
        size = len(data)
        try:
            while position < size:
                state = self._state
                if state == HEAD:
                    if data[position] == 13 and not self._blank and data.startswith(b"\r\n", position):
                        self._blank = True
                        position += 2
                        continue
                    end = data.find(b"\r\n\r\n", position) + 4
                    if end == 3:
                        self._keep_partial(data[position:])
                        break
                    self._open(data[position:end] if position or end != size else data)
                    position = end
                elif state == LENGTH:
                    position = self._read_length(data, position, size)
                elif state == CHUNKED:
                    body, position = cast("ChunkedReader", self._chunks).read(data, position)
                    self._feed(body)
                    if position < 0:
                        break
                    self._end_body()
                elif state == LINGER:
                    return
                else:
                    self._backlog = data
                    self._backlog_start = position
                    if size - position > BACKLOG_LIMIT:
                        self.pause_reading()
                    break
        except Refusal as refusal:
            self._refuse(refusal)
            return
        if self._fresh:
            self._fresh = False
            cast("Receiver", self._receiver).start()

    def _open(self, head: bytes) -> None:
        """Take one complete head and open its request. Raises Refusal."""
        kernel = self._kernel
        lines = count_lines(head)
        if len(head) > kernel.head_small or lines > kernel.head_lines:
            kernel.check_head(head, lines)
        try:
            method, target, headers = self._read_head(head)
            faithful = head.startswith(b"%b %b HTTP/1.1\r\n" % (method, target)) and len(headers) == lines - 2
        except ValueError:
            faithful = False
        if faithful:
            minor = 1
        else:
            method, target, minor, headers = read_strict(head)
        fields = dict(headers)
        if not fields.keys() <= known_names:
            check_names(fields)
        if (
            minor
            and len(fields) == len(headers)
            and fields.get(b"host") in known_hosts
            and b"content-length" not in fields
            and b"connection" not in fields
            and b"transfer-encoding" not in fields
            and b"expect" not in fields
        ):
            length = 0
            self._persistent = True
            request = Head(METHODS.get(method) or method_name(method), target, "1.1", headers)
        else:
            length, self._persistent, expects, protocol = examine(head, minor, headers, fields)
            name = METHODS.get(method) or method_name(method)
            request = Head(name, target, "1.1" if minor else "1.0", headers, protocol, expects)
        self._expects = request.expects
        self._minor = minor
        self._sent = False
        self._blank = False
        self._receiver = receiver = kernel.open(self, request)
        self._fresh = True
        if length == 0:
            self._state = SERVING
            self.deadline = 0.0
            receiver.end()
        else:
            self.deadline = kernel.due(kernel.timeout_body)
            if length == CHUNKED_BODY:
                self._state = CHUNKED
                self._chunks = ChunkedReader()
            else:
                self._state = LENGTH
                self._left = length

    def _read_length(self, data: bytes, position: int, size: int) -> int:
        stop = position + self._left
        if stop > size:
            self._left = stop - size
            self._feed(data[position:] if position else data)
            return size
        self._feed(data[position:stop] if position or stop != size else data)
        self._left = 0
        self._end_body()
        return stop

    def _feed(self, body: bytes) -> None:
        """Pass body bytes on, or drop them when the response has been sent without them."""
        if self._receiver is not None:
            if not self._paused:
                self.deadline = self._kernel.due(self._kernel.timeout_body)
            if body:
                self._receiver.feed(body)
        else:
            self._drain -= len(body)
            if self._drain < 0:
                self._linger()

    def _end_body(self) -> None:
        """The request is complete."""
        self._chunks = None
        if self._state == LINGER:
            return
        receiver = self._receiver
        if receiver is None:
            self._next()
        else:
            self._state = SERVING
            self.deadline = 0.0 if self._unwritten < 0 else self.deadline
            self.resume_reading()
            receiver.end()

    def _keep_partial(self, data: bytes) -> None:
        check_partial(data)
        self._partial = bytearray(data)
        self._kernel.check_partial_size(self._partial)
        self.deadline = self._kernel.due(self._kernel.timeout_head)

    def _continue_head(self, data: bytes) -> None:
        """Go on with a head that arrives in pieces; each byte is looked at a bounded number of times."""
        partial = cast("bytearray", self._partial)
        known = len(partial)
        partial += data
        end = partial.find(b"\r\n\r\n", max(0, known - 3))
        if end >= 0:
            self._partial = None
            self._read(bytes(partial), 0)
            return
        try:
            if partial[:2] == b"\r\n":
                if self._blank:
                    raise Refusal(400, "empty lines before the request line")
                self._blank = True
                del partial[:2]
                known = 0
            check_partial(partial[known - (partial[known - 1 : known] == b"\r") :])
            self._kernel.check_partial_size(partial)
        except Refusal as refusal:
            self._refuse(refusal)

    def _wait(self, data: bytes) -> None:
        """Keep what arrived behind the request being served."""
        if self._backlog:
            self._backlog = self._backlog[self._backlog_start :] + data
        else:
            self._backlog = data
        self._backlog_start = 0
        if len(self._backlog) > BACKLOG_LIMIT:
            self.pause_reading()

    # --- the stream's side: writing --------------------------------------------------------------------------------

    def send_head(self, status: int, fields: list[bytes], flags: int, data: bytes, end: bool) -> None:
        """Send the head and the first body bytes in one write (`tricorn.api.Stream`)."""
        kernel = self._kernel
        persistent = self._persistent and not flags & CLOSE and not kernel.draining and not self._eof
        if end and persistent and self._state != SERVING:
            persistent = self._left <= DRAIN_LIMIT and not self._expects
        if not flags & FRAMED:
            if self._minor:
                self._chunked = True
                fields.append(_CHUNKED)
                if data:
                    data = b"%x\r\n%b\r\n" % (len(data), data)
            else:
                persistent = False
        if not persistent:
            fields.append(_CLOSE)
        elif not self._minor:
            fields.append(_KEEP_ALIVE)
        self._persistent = persistent
        fields.append(b"\r\n")
        defaults = kernel.default_fields if not flags & (DATE | SERVER) else kernel.default_fields_without(flags)
        self._sent = True
        if len(data) < LARGE:
            fields.append(data)
            self._write(STATUS_LINES[status] + defaults + b"".join(fields))
        else:
            self._write(STATUS_LINES[status] + defaults + b"".join(fields))
            self._write(data)
        if end:
            self._finish()

    def send_data(self, data: bytes, end: bool) -> None:
        """Send body bytes, or whatever bytes once the connection is a tunnel."""
        if self._chunked:
            if not data:
                if end:
                    self._write(b"0\r\n\r\n")
            elif len(data) < LARGE:
                self._write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data) if end else b"%x\r\n%b\r\n" % (len(data), data))
            else:
                self._write(b"%x\r\n" % len(data))
                self._write(data)
                self._write(b"\r\n0\r\n\r\n" if end else b"\r\n")
        elif data:
            self._write(data)
        if end:
            if self._state == TUNNEL:
                self._linger()
            else:
                self._finish()

    def send_trailers(self, headers: Headers) -> None:
        """End a chunked response with a trailer section (RFC 9112 section 7.1.2); without one where there is no place."""
        if self._chunked:
            self._write(b"0\r\n%b\r\n" % b"".join(b"%b: %b\r\n" % field for field in headers))
        self._finish()

    def send_informational(self, status: int, headers: Headers) -> None:
        """Send an interim response; HTTP/1.0 knows none."""
        if status == 100:
            self._expects = False
        if self._minor and not self._sent:
            self._write(STATUS_LINES[status] + b"".join(b"%b: %b\r\n" % field for field in headers) + b"\r\n")

    def accept_tunnel(self, headers: Headers, receiver: Receiver) -> None:
        """Answer 101 and let all bytes pass, those included that arrived behind the head."""
        rendered = b"".join(b"%b: %b\r\n" % field for field in headers)
        self._write(STATUS_LINES[101] + self._kernel.default_fields + rendered + b"\r\n")
        self._sent = True
        self._state = TUNNEL
        self._receiver = receiver
        self.deadline = 0.0
        backlog, self._backlog = self._backlog[self._backlog_start :], b""
        self.resume_reading()
        if backlog:
            receiver.feed(backlog)

    def pause_reading(self) -> None:
        """Let the client wait. Its deadline rests: it is not the one who is slow."""
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()
            if self._unwritten < 0:
                self.deadline = 0.0

    def resume_reading(self) -> None:
        """Read again, unless pipelined requests have filled their share."""
        if self._paused and not (self._state == SERVING and len(self._backlog) - self._backlog_start > BACKLOG_LIMIT):
            self._paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()
                if self._state in (LENGTH, CHUNKED):
                    self.deadline = self._kernel.due(self._kernel.timeout_body)

    def blocked(self) -> Awaitable[None] | None:
        """None while the transport's buffer has room (`tricorn.api.Stream`)."""
        if self._unwritten < 0 or self._transport.is_closing():
            return None
        waiter = self._kernel.loop.create_future()
        self._waiters.append(waiter)
        return waiter

    # --- ends ------------------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        """The response is complete: go on with the next request, or end the connection."""
        self._kernel.total_requests += 1
        self._receiver = None
        self._chunked = False
        if self._state == SERVING:
            if self._persistent:
                self._next()
                if self._backlog:
                    backlog, self._backlog = self._backlog, b""
                    self._read(backlog, self._backlog_start)
            elif self._backlog:
                self._linger()
            else:
                self._transport.close()
        elif self._persistent and not self._expects:
            self._drain = DRAIN_LIMIT
            self.deadline = self._kernel.due(DRAIN_TIME)
            self.resume_reading()
        else:
            self._linger()

    def _next(self) -> None:
        """Be ready for the next head."""
        kernel = self._kernel
        self._state = HEAD
        if self._eof and not self._backlog:
            self._transport.close()
            return
        self.deadline = kernel.due(kernel.timeout_keep_alive)
        if self._paused:
            self.resume_reading()

    def _refuse(self, refusal: Refusal) -> None:
        """Answer for a request that breaks a rule, or cut the response that its application has begun."""
        kernel = self._kernel
        receiver, self._receiver = self._receiver, None
        started, self._fresh = receiver is not None and not self._fresh, False
        if started:
            cast("Receiver", receiver).disconnect()
        kernel.refused(self, refusal)
        if self._sent and started:
            self.abort()
            return
        body = refusal_body(refusal)
        fields = [b"%b: %b\r\n" % field for field in refusal.headers]
        self._sent = True
        self._write(
            b"%b%b%bcontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
            % (STATUS_LINES[refusal.status], kernel.default_fields, b"".join(fields), len(body), body)
        )
        self._linger()

    def _linger(self) -> None:
        """Close after what was written, reading a little longer: closing over unread input would reset the
        connection and could take the response away from the client (RFC 9112 section 9.6)."""
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
        self.deadline = self._kernel.due(LINGER_TIME)
        self.resume_reading()

    def expire(self) -> None:
        """The deadline has passed."""
        self.deadline = 0.0
        state = self._state
        receiver = self._receiver
        if self._unwritten >= 0:
            left = self._transport.get_write_buffer_size()
            if left < self._unwritten:
                self._unwritten = left
                self.deadline = self._kernel.due(self._kernel.timeout_write)
            else:
                self._transport.abort()
        elif state == TUNNEL:
            cast("Any", receiver).expire()
        elif state == HEAD and self._partial is None:
            self._transport.close()
        elif state == HEAD:
            self._refuse(Refusal(408, "the request head took too long"))
        elif state in (LENGTH, CHUNKED) and receiver is not None:
            self._refuse(Refusal(408, "the request body took too long"))
        else:
            self._transport.abort()

    def drain(self) -> None:
        """The server is shutting down (`tricorn.api.Connection`)."""
        if self._state == TUNNEL:
            cast("Any", self._receiver).drain()
        elif self._state == HEAD and self._partial is None:
            self._transport.close()
        else:
            self._persistent = False

    def abort(self) -> None:
        """Cut the connection so that an unfinished response shows as such, even one that a close would end."""
        self._state = LINGER
        if not self._chunked and self._sent:
            self._kernel.reset_on_close(self._transport)
        self._transport.abort()
