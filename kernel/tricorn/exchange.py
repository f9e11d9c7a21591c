"""One HTTP request and its response as an ASGI application sees them: the only such machine, for every protocol.

The response goes through these phases, which only `send` and `run` advance:

    IDLE -> HELD       `http.response.start` was accepted; nothing has left, so an error can still become a 500
    HELD -> SENT       the head left together with the first body event, or alone at the end of the loop's turn
    HELD, SENT -> DONE the last body event left
    HELD, SENT -> TRAILERS -> DONE   the same where the application has promised trailers, which leave at DONE

The request's body is a second, independent matter: bytes wait here until `receive` takes them, and above a limit the
stream is paused, so that what an application does not read stays with the client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from tricorn.api import Head, Headers, Message, Receive, Refusal, Scope, Send, Stream
from tricorn.fields import CLOSE, FRAMED, as_bytes
from tricorn.scope import client_name, log_path, log_paths

if TYPE_CHECKING:
    from tricorn.kernel import Kernel

IDLE, HELD, SENT, TRAILERS, DONE = range(5)

BODY_LIMIT = 65536
"""Bytes of a request body kept for an application that does not read before the client is made to wait."""
SHARED_BODY_LIMIT = 8192
"""The same for each of the streams that share a connection: a client may have a hundred of them for one socket."""
PIECE = 4096
"""Bytes up to which pieces of a body are joined as they come: an object for each byte costs fifty times the byte."""

_INTERNAL_ERROR = b"Internal Server Error"
_WITHOUT_BODY = frozenset((204, 205, 304))
_PLAIN_TEXT = [(b"content-type", b"text/plain; charset=utf-8")]


class Exchange:
    """The kernel's end of a request (`tricorn.api.Receiver`), and `receive` and `send` of its application call."""

    __slots__ = (
        "_bodyless",
        "_chunks",
        "_complete",
        "_consumed",
        "_eof",
        "_expects",
        "_fields",
        "_flags",
        "_gone",
        "_kernel",
        "_left",
        "_paused",
        "_phase",
        "_received",
        "_size",
        "_status",
        "_stream",
        "_trailers",
        "_waiters",
        "scope",
        "task",
    )

    # Of the response's head, once there is one; `feed` adds those of a body.
    _fields: list[Any]
    _flags: int
    _left: int | None
    _status: int

    def __init__(self, kernel: Kernel, stream: Stream, head: Head, scope: Scope) -> None:
        self._kernel = kernel
        self._stream = stream
        self.scope = scope
        self._expects = head.expects
        self._chunks: list[bytes] | None = None  # until there is a body
        self._complete = head.complete
        self._consumed = False
        self._paused = False
        self._gone = False
        self._eof = False
        self._phase = IDLE
        self._waiters: list[asyncio.Future[None]] | None = None
        self._trailers: Headers | None = None
        self._bodyless = head.method == "HEAD"
        self.task: asyncio.Task[None] | None = None

    # --- the stream's side -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Call the application; what the read that brought the head also brought has been fed before."""
        kernel = self._kernel
        kernel.calls.add(self)
        create_task = kernel.create_task
        task = create_task(self.run(kernel.app), loop=kernel.loop, name=self.scope["path"])
        if not kernel.eager or not task.done():
            self.task = task

    def feed(self, data: bytes) -> None:
        """Keep body bytes for `receive`. Raises Refusal(413) when there are more than the server takes."""
        if self._phase == DONE:
            return
        chunks = self._chunks
        if chunks is None:
            chunks = self._chunks = []
            self._size = self._received = 0
        limit = self._kernel.limit_body
        if limit:
            self._received += len(data)
            if self._received > limit:
                raise Refusal(413, f"a request body over the {limit} bytes of --limit-request-body")
        if chunks and len(chunks[-1]) + len(data) <= PIECE:
            chunks[-1] += data
        else:
            chunks.append(data)
        self._size += len(data)
        if self._size > (SHARED_BODY_LIMIT if self._stream.multiplexed else BODY_LIMIT) and not self._paused:
            self._paused = True
            self._stream.pause_reading()
        if self._waiters is not None:
            self._wake()

    def end(self) -> None:
        """The body is complete."""
        self._complete = True
        if self._waiters is not None:
            self._wake()

    def half_close(self) -> None:
        """The client will send nothing more: it may be gone, or wait for its answer. `receive` says disconnect, and
        `send` goes on."""
        self._eof = True
        self._wake()

    # The server is shutting down, and does not wait for a response that may have no end.
    drain = half_close

    def disconnect(self) -> None:
        """The client is gone."""
        self._gone = True
        self._wake()

    @property
    def responded(self) -> bool:
        """Whether any byte of the response has been handed to the stream."""
        return self._phase >= SENT

    @property
    def streaming(self) -> bool:
        """Whether a response of no announced length is on its way: it may well have no end."""
        return self._phase == SENT and self._left is None

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, None
        for waiter in waiters or ():
            if not waiter.done():
                waiter.set_result(None)

    # --- the application's side ------------------------------------------------------------------------------------

    async def receive(self) -> Message:
        """The ASGI `receive`: body events, then `http.disconnect` once the client left or the response is complete."""
        if not self._consumed:
            if self._expects:
                self._expects = False
                if self._phase == IDLE and not self._gone:
                    self._stream.send_informational(100, [])
            while not (self._chunks or self._complete or self._gone or self._phase == DONE):
                await self._wait()
            # Another call may have been told of the end meanwhile.
            if (self._complete or (self._chunks and not self._gone)) and self._phase != DONE and not self._consumed:
                return self._next_body()
        while not (self._gone or self._eof or self._phase == DONE):
            await self._wait()
        return {"type": "http.disconnect"}

    def _next_body(self) -> Message:
        body = b""
        if self._chunks:
            body = b"".join(self._chunks)  # a single one is not copied
            self._chunks = []
            self._size = 0
        if self._complete:
            self._consumed = True
        if self._paused:
            self._paused = False
            self._stream.resume_reading()
        return {"type": "http.request", "body": body, "more_body": not self._consumed}

    async def _wait(self) -> None:
        waiter = self._kernel.loop.create_future()
        if self._waiters is None:
            self._waiters = [waiter]
        else:
            # Whoever polls with a timeout leaves a cancelled one behind each time.
            self._waiters = [other for other in self._waiters if not other.done()]
            self._waiters.append(waiter)
        await waiter

    async def send(self, event: Message) -> None:
        """The ASGI `send`. Suspends only while the client takes data more slowly than the application makes it.

        Raises RuntimeError for events out of order and ValueError or TypeError for what must not reach the wire.
        Returns quietly when the client has left.
        """
        kind = event["type"]
        phase = self._phase
        if kind == "http.response.body" and (phase == SENT or phase == HELD):
            data = event.get("body", b"")
            if type(data) is not bytes:
                data = as_bytes(data, "The body of a response")
            end = not event.get("more_body", False)
            stream = self._stream
            if phase == HELD or end or self._left is not None or self._bodyless or self._gone:
                self._send_body(data, end, phase)
            else:
                stream.send_data(data, False)
            if stream.congested and not self._gone:
                blocked = stream.blocked()
                if blocked is not None:
                    await blocked
        elif kind == "http.response.start" and phase == IDLE:
            self._hold(event)
        else:
            self._send_extension(kind, event, phase)

    def _hold(self, event: Message) -> None:
        """Keep the head until the first body event, or until the application begins to wait for something else."""
        status = event["status"]
        if type(status) is not int:
            status = int(status)
        if not 200 <= status <= 599:
            raise ValueError(f"Invalid HTTP status: {status}.")
        fields, left, self._flags = self._stream.fields.render(event.get("headers", ()))
        if status in _WITHOUT_BODY:
            self._bodyless = True
            if status != 304 and left is not None:
                fields.remove(self._stream.fields.length(left))
            if status == 205:
                fields.append(self._stream.fields.length(0))
            if status != 304:
                left = None
            self._flags |= FRAMED
        if self._stream.multiplexed and event.get("trailers"):
            self._trailers = []
        self._fields = fields
        self._left = left
        self._status = status
        self._phase = HELD
        self._kernel.turn.hold(self)

    def flush(self) -> None:
        """Let a held head go without waiting for the body."""
        if self._phase == HELD and not self._gone:
            self._phase = SENT
            self._send_head(b"", False)

    def _send_body(self, data: bytes, end: bool, phase: int) -> None:
        """Send a body event that is not just some more of a body of unknown length."""
        left = self._left
        if self._bodyless:
            if end and phase == HELD and data and not self._flags & FRAMED:
                # The answer to HEAD says how long the body is that it leaves out.
                self._fields.append(self._stream.fields.length(len(data)))
            data = b""
        elif left is not None:
            left -= len(data)
            if left < 0:
                raise RuntimeError("Response content longer than Content-Length")
            if end and left > 0:
                raise RuntimeError("Response content shorter than Content-Length")
            self._left = left
        elif end and phase == HELD:
            self._fields.append(self._stream.fields.length(len(data)))
            self._flags |= FRAMED
        if not end:
            self._phase = SENT
        elif self._trailers is not None:
            self._phase = TRAILERS
            end = False
        else:
            self._phase = DONE
            if self._waiters is not None:
                self._wake()
        if self._gone:
            return
        if phase == HELD:
            self._send_head(data, end)
        else:
            self._stream.send_data(data, end)

    def _send_head(self, data: bytes, end: bool) -> None:
        """Send the kept head with the first bytes of the body."""
        access, scope, stream = self._kernel.access, self.scope, self._stream
        if access is not None:
            client = stream.peer if scope["client"] is stream.client else client_name(scope, stream)
            path = (not scope["query_string"] and log_paths.get(scope["raw_path"])) or log_path(scope)
            access(client, scope["method"], path, scope["http_version"], self._status)
        flags = self._flags | FRAMED if self._bodyless else self._flags
        stream.send_head(self._status, self._fields, flags, data, end)

    def _send_extension(self, kind: str, event: Message, phase: int) -> None:
        """The events of the extensions that the scope of a multiplexed stream announces."""
        if kind == "http.response.early_hint" and phase == IDLE and self._stream.multiplexed:
            hints = [(b"link", bytes(link)) for link in event["links"]]
            self._stream.fields.render(hints)  # validates
            if hints and not self._gone:
                self._stream.send_informational(103, hints)
        elif kind == "http.response.trailers" and phase == TRAILERS:
            self._send_trailers(event)
        else:
            self._out_of_order(kind, phase)

    def _send_trailers(self, event: Message) -> None:
        """Collect trailers and, behind the last event of them, send those that the client has asked for."""
        assert self._trailers is not None
        headers = list(event.get("headers", ()))
        self._stream.fields.render(headers)  # validates
        self._trailers += headers
        if event.get("more_trailers", False):
            return
        self._phase = DONE
        self._wake()
        if self._gone:
            return
        # RFC 9110 section 6.5.1: who does not ask for trailers may drop them.
        if any(name == b"te" and value.lower() == b"trailers" for name, value in self.scope["headers"]):
            self._stream.send_trailers(self._trailers)
        else:
            self._stream.send_data(b"", True)

    def _out_of_order(self, kind: str, phase: int) -> None:
        if phase == IDLE:
            raise RuntimeError(f"Expected ASGI message 'http.response.start', but got '{kind}'.")
        if phase == DONE:
            if self._gone:
                return
            raise RuntimeError(f"Unexpected ASGI message '{kind}' sent, after response already completed.")
        expected = "trailers" if phase == TRAILERS else "body"
        raise RuntimeError(f"Expected ASGI message 'http.response.{expected}', but got '{kind}'.")

    # --- the call --------------------------------------------------------------------------------------------------

    async def run(self, app: Callable[[Scope, Receive, Send], Awaitable[object]]) -> None:
        """Call the application and answer for it where it fails to."""
        kernel = self._kernel
        try:
            result = await app(self.scope, self.receive, self.send)
        except asyncio.CancelledError:
            self.fail()
        except BaseException as error:
            # SystemExit too: a handler that calls sys.exit() must not take the other clients down with it.
            kernel.log.error("Exception in ASGI application", exc_info=error)
            self.fail()
        else:
            if result is not None:
                kernel.log.error("ASGI callable should return None, but returned '%s'.", result)
                self.fail()
            elif self._phase != DONE and not self._gone:
                # Where nobody listens any more, or the server ends, an application may stop.
                if not (self._eof or kernel.draining):
                    what = "starting" if self._phase == IDLE else "completing"
                    kernel.log.error("ASGI callable returned without %s response.", what)
                self.fail()
        finally:
            kernel.calls.discard(self)
            self.task = None

    def fail(self) -> None:
        """Answer 500 where nothing has been sent; otherwise cut the response so that its truncation shows."""
        phase = self._phase
        if phase == DONE or self._gone:
            return
        self._phase = DONE
        if phase >= SENT:
            self._stream.abort()
        else:
            self._status = 500
            table = self._stream.fields
            self._fields = [*table.render(_PLAIN_TEXT)[0], table.length(len(_INTERNAL_ERROR))]
            self._flags = CLOSE | FRAMED
            self._send_head(b"" if self.scope["method"] == "HEAD" else _INTERNAL_ERROR, True)
        self._wake()
