"""One HTTP/1 connection: where heads end, how bodies are framed, and when the connection persists.

The reading half is in one of these states:

    HEAD      between messages, or inside a head that has not arrived completely (`_partial`)
    LENGTH    inside a body of `_left` more bytes
    CHUNKED   inside a chunked body
    SERVING   the request is complete and its response is not, or has not left; what arrives waits in `_backlog`
    TUNNEL    after an accepted upgrade: bytes pass through to the receiver
    LINGER    all has been sent; what still arrives is dropped until the client closes (RFC 9112 section 9.6)

`_read` and `_open` move it forward; `_finish` moves it back to HEAD when the response is complete; `_linger` ends it.
The sending half, `tricorn.http1_stream`, has no state of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from tricorn.api import Headers, Http1Codec, Refusal
from tricorn.chunked import ChunkedReader
from tricorn.exchange import Exchange
from tricorn.heads import CHUNKED_BODY, check_partial
from tricorn.http1_stream import BACKLOG_LIMIT, CHUNKED, HEAD, LENGTH, LINGER, SERVING, TUNNEL, Http1Stream
from tricorn.opening import open_request
from tricorn.recall import UNKNOWN, Section, make_section

if TYPE_CHECKING:
    from tricorn.kernel import Kernel

LAST_REQUEST_TIME = 0.1
"""Seconds for which a connection that persists is kept at shutdown: what the client has sent by then is answered."""
FIRST_REQUEST_TIME = 1.0
"""Seconds for which one is that has not brought a request yet."""


class Http1Connection(Http1Stream):
    """The protocol object of one connection.

    codec: makes the reader of heads; None where the strict grammar is all that reads them. A codec sees no bodies, so
    after a head that announces one, or an upgrade, and after one that it declined, the next head gets a new codec.
    """

    __slots__ = ("_blank", "_chunks", "_codec", "_read_head")

    _chunks: ChunkedReader

    def __init__(self, kernel: Kernel, codec: Callable[[], Http1Codec] | None) -> None:
        super().__init__(kernel)
        self._codec = codec
        self._read_head: Callable[[bytes], tuple[bytes, bytes, Headers]] | None = None
        self._blank = False

    # --- asyncio's side --------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection was accepted; its first head is due."""
        self._transport = cast("asyncio.Transport", transport)
        self._write = self._transport.write
        kernel = self._kernel
        self.client, self.server, self.peer = kernel.addresses(self._transport)
        self.secure = transport.get_extra_info("ssl_object") is not None
        self.deadline = kernel.due(kernel.timeout_head)
        kernel.connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        state = self._state
        if state <= CHUNKED:
            if self._partial is None:
                self._read(data, 0)
            else:
                self._continue_head(data)
        elif state == SERVING:
            self._wait(data)
        elif state == LINGER:
            self._drain -= len(data)
            if self._drain < 0:
                self._transport.abort()
        elif self._tunnel is not None:
            self._tunnel.feed(data)

    def eof_received(self) -> bool:
        """The client has closed its sending side. A complete request still gets its answer: True keeps us open."""
        state = self._state
        receiver = self._receiver
        if state == SERVING:
            self._eof = True
            self._plain = False
            if isinstance(receiver, Exchange):
                receiver.half_close()
            elif receiver is not None:
                receiver.disconnect()
                return False
            return not self.secure
        if state == TUNNEL and self._tunnel is not None:
            self._eof = True
            self._tunnel.end()
            return not self.secure
        if receiver is not None and state != HEAD:
            self._end_early()
        return False

    def _end_early(self) -> None:
        """The client has ended inside a request: nobody can answer it, and what was answered must not look whole."""
        if self._receiver is not None:
            self._receiver.disconnect()
        self._release()
        if not self._framed:
            self._kernel.reset_on_close(self._transport)
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, whoever ended it."""
        self._kernel.connections.discard(self)
        if self._paused:
            self._kernel.departures.forget(self)
        receiver, self._receiver = self._receiver, None
        self._state = LINGER
        self._gathered = None
        if receiver is not None:
            receiver.disconnect()
        if self.congested:
            self.resume_writing()
        self.deadline = 0.0

    def departed(self, gone: bool) -> None:
        """The client has left while reading was paused (`tricorn.departures.Leaving`)."""
        if gone:
            self._transport.abort()
        elif self._state == SERVING and isinstance(self._receiver, Exchange):
            # The end of input itself stands behind what has not been read.
            self._receiver.half_close()

    # --- reading ---------------------------------------------------------------------------------------------------

    def _read(self, data: bytes, position: int) -> None:
        """Advance through `data`, then start the request that it brought."""
        size = len(data)
        try:
            while position < size:
                state = self._state
                if state == HEAD:
                    if data[position] == 13 and data.startswith(b"\r\n", position):
                        self._skip_blank()
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
                    body, position = self._chunks.read(data, position)
                    self._feed(body)
                    if position < 0:
                        break
                    self._end_body()
                elif state == LINGER:
                    return
                else:
                    self._backlog = data
                    self._backlog_start = position
                    if self._gathered is None:
                        self._gathered = []
                    if size - position > BACKLOG_LIMIT:
                        self.pause_reading()
                    break
        except Refusal as refusal:
            self._refuse(refusal)
            return
        if self._fresh and self._receiver is not None:
            self._fresh = False
            if self._eof:
                self._plain = False
            self._receiver.start()

    def _open(self, head: bytes) -> None:
        """Take one complete head and open its request. Raises Refusal."""
        kernel = self._kernel
        line, _, block = head.partition(b"\r\n")
        recall = kernel.recall.request
        method, target, minor, sections = recall(line, UNKNOWN)
        section = sections.get(block)
        if section is None:
            method, target, minor, section = self._read_lines(head, block)
        request, headers, length, persistent = section
        request.method = method
        request.target = target
        request.headers = headers.copy()
        self._persistent = persistent = persistent and kernel.persistent
        self._plain = persistent and minor == 1
        self._minor = minor
        self._blank = self._sent = self._chunked = False
        self._receiver = open_request(kernel, self, request)
        self._fresh = True
        if length == 0:
            self._state = SERVING
            self.deadline = 0.0
            return
        self._expects = request.expects
        self._await_body()
        if length == CHUNKED_BODY:
            self._state = CHUNKED
            self._chunks = ChunkedReader()
        else:
            self._state = LENGTH
            self._left = length

    def _read_lines(self, head: bytes, block: bytes) -> tuple[str, bytes, int, Section]:
        """Read a head of which the request line, or the block of all field lines, is not known. Raises Refusal."""
        kernel = self._kernel
        lines = head.split(b"\r\n")
        if len(lines) > kernel.head_lines or len(head) > kernel.head_small:
            kernel.check_head(head, len(lines))
        recall = kernel.recall
        known = recall.request(lines[0])
        headers: Any = list(map(recall.field, lines[1:-2]))
        repeated = all(headers)
        if known is None or not repeated:
            read_head = self._read_head or (self._codec and self._codec().read_head)
            known, headers, faithful = recall.consult(read_head, head, lines, headers)
            self._read_head = read_head if faithful else None
        fields = dict(headers)
        section = make_section(known, headers, fields)
        if section[2] or b"upgrade" in fields:
            self._read_head = None
        if b"upgrade" not in fields:
            if repeated:
                recall.keep(known[3], block, section)
        elif section[0].protocol is None:
            kernel.upgrades.look_at(fields)
        return *known[:3], section

    def _read_length(self, data: bytes, position: int, size: int) -> int:
        if self._left > size - position:
            self._left -= size - position
            self._feed(data[position:] if position else data)
            return size
        stop = position + self._left
        self._feed(data[position:stop] if position or stop != size else data)
        self._left = 0
        self._end_body()
        return stop

    def _feed(self, body: bytes) -> None:
        """Pass body bytes on, or drop them when the response has been sent without them."""
        self._expects = False  # the client does not wait for our word after all (RFC 9110 section 10.1.1)
        if self._receiver is not None:
            self._await_body()
            if body:
                self._receiver.feed(body)
        else:
            self._drain -= len(body)
            if self._drain < 0:
                self._linger()

    def _end_body(self) -> None:
        """The request is complete."""
        if self._state == LINGER:
            return
        self._state = SERVING
        if not self.congested:
            self.deadline = 0.0
        receiver = self._receiver
        if receiver is not None:
            self.resume_reading()
            receiver.end()
        elif not self.congested:
            self._state = HEAD
            self._be_idle()

    def _be_idle(self) -> None:
        """Wait for the next head, or close when none can come."""
        self._state = HEAD
        if self._eof and not self._backlog:
            self._release()
            self._transport.close()
            return
        self.deadline = self._kernel.clock + self._kernel.keep_alive
        if self._kernel.draining:
            self.drain()
        self.resume_reading()

    def _go_on(self) -> None:
        """Serve what waits behind the response that is complete now."""
        if self._state != SERVING or self._receiver is not None or self.congested:
            return
        self._be_idle()
        backlog, self._backlog = self._backlog, b""
        if backlog:
            self._read(backlog, self._backlog_start)
            if self._eof and self._state <= CHUNKED:
                self._end_early()

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
                self._skip_blank()
                del partial[:2]
                if not partial:
                    self._partial = None
                    return
                known = 0
            check_partial(partial[known - (partial[known - 1 : known] == b"\r") :])
            self._kernel.check_partial_size(partial)
        except Refusal as refusal:
            self._refuse(refusal)

    def _skip_blank(self) -> None:
        """Pass over one empty line before a request line (RFC 9112 section 2.2). Raises Refusal for a second."""
        if self._blank:
            raise Refusal(400, "empty lines before the request line")
        self._blank = True

    def _wait(self, data: bytes) -> None:
        """Keep what arrived behind the request being served."""
        self._backlog = self._backlog[self._backlog_start :] + data
        self._backlog_start = 0
        if len(self._backlog) > BACKLOG_LIMIT:
            self.pause_reading()

    # --- the kernel's side ----------------------------------------------------------------------------------------

    def expire(self) -> None:
        """The deadline has passed."""
        self.deadline = 0.0
        state = self._state
        receiver = self._receiver
        if self.congested:
            left = self._transport.get_write_buffer_size()
            if left < self._unwritten:
                self._unwritten = left
                self.deadline = self._kernel.due(self._kernel.timeout_write)
            else:
                self._transport.abort()
        elif self._tunnel is not None and state == TUNNEL:
            self._tunnel.expire()
        elif state == HEAD and self._partial is None:
            self._transport.close()
        elif state == HEAD:
            self._refuse(Refusal(408, "the request head took longer than --timeout-request-head"))
        elif state in (LENGTH, CHUNKED) and receiver is not None:
            self._refuse(Refusal(408, "the request body paused for longer than --timeout-request-body"))
        elif state in (LENGTH, CHUNKED):
            self._linger()
        else:
            self._transport.abort()

    def drain(self) -> None:
        """The server is shutting down (`tricorn.api.Connection`)."""
        if self._state == HEAD and self._partial is None:
            # A request may be on its way; a client that has just connected is about to send one.
            self.deadline = self._kernel.due(LAST_REQUEST_TIME if self._sent else FIRST_REQUEST_TIME)
        else:
            self._persistent = self._plain = False
