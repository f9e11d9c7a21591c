"""One WebSocket as an ASGI application sees it: the only such machine, for every protocol and every frame codec.

    CONNECTING -> OPEN      the application accepted
    CONNECTING -> DENYING   it denied with a response of its own, closed (403), or failed (500): see `Denial`
    OPEN -> CLOSING         we sent a close frame; the peer's is awaited for a while
    any -> CLOSED           the peer's close frame was answered, a verdict or a denial sent, or the stream lost

`send`, `run`, `drain` and `expire` move it from the application's side, `on_close` and `disconnect` from the peer's.
When the peer closes, messages that came before are still delivered, and answers to them may still leave: the state
stays OPEN with `_reply` waiting until the application has taken all of them. A message being sent is completed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from os import urandom
from typing import TYPE_CHECKING, Any

from tricorn.api import Head, Message, Stream
from tricorn.closing import CLOSE_CODES
from tricorn.denial import FORBIDDEN, Denial, log_handshake
from tricorn.handshake import accept_fields, check_handshake, offered_subprotocols, values
from tricorn.incoming import Incoming, drop
from tricorn.outgoing import ClientDisconnected, check_bytes, check_text
from tricorn.scope import log_path, websocket_scope

if TYPE_CHECKING:
    from tricorn.kernel import Kernel

CONNECTING, DENYING, OPEN, CLOSING, CLOSED = range(5)

CLOSE_TIME = 10.0
"""Seconds for the peer to answer our close frame."""
ANSWER_TIME = 2.0
"""Seconds an application may take for each message that came before the peer's close frame, while that waits for its
answer."""
REASON_LIMIT = 123
"""Bytes of a close frame's reason (RFC 6455 section 5.5)."""


class Session(Incoming):
    """The kernel's end of a WebSocket (`tricorn.api.Tunnel` and `WsSink`), and `receive` and `send` of its application.

    Raises Refusal when the handshake is invalid.
    """

    __slots__ = (
        "_connected",
        "_denial",
        "_disconnect",
        "_due",
        "_encode",
        "_head",
        "_key",
        "_mine",
        "_noticed",
        "_ping",
        "_reply",
        "_send_data",
        "_state",
        "_write",
        "scope",
        "task",
    )

    def __init__(self, kernel: Kernel, stream: Stream, head: Head) -> None:
        self._key = check_handshake(head)
        super().__init__(kernel, stream)
        self._write = self._out.write
        self._send_data = stream.send_data
        self._head = head
        subprotocols = offered_subprotocols(head)
        self.scope = websocket_scope(kernel.settings, kernel.state, stream, head, kernel.root_path, subprotocols)
        self._state = CONNECTING
        self._connected = False  # the application received websocket.connect
        self._disconnect: Message | None = None
        self._mine = False  # the application closed
        self._noticed = False  # it was told that the peer or the server did
        self._denial: Denial | None = None
        self._ping = b""
        self._reply: bytes | None = None
        self._due = 0.0
        self.task: asyncio.Task[None] | None = None

    # --- the stream's side -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Call the application."""
        self._kernel.calls.add(self)
        self.task = self._kernel.create_task(self.run(), loop=self._kernel.loop, name=self.scope["path"])

    def end(self) -> None:
        """The peer sends no more. What it has sent is read before that counts; a close frame whose answer waits for the
        application's, waits on."""
        if self._held and self._codec is not None:
            self._ended = True
        elif self._reply is None and self._state != CLOSED:
            self.disconnect()
            self._stream.send_data(b"", True)

    def disconnect(self) -> None:
        """The peer is gone."""
        if self._denial is not None:
            self._denial.disconnect()
        if self._state != CLOSED:
            self._lose(1006, "")

    def expire(self) -> None:
        """The deadline has passed: a ping is due, or a peer did not answer one, or our close frame."""
        kernel = self._kernel
        if kernel.clock < self._due:
            self._stream.deadline = self._due
        elif self._state == CLOSING:
            self._lose(1006, "")
            self._stream.abort()
        elif self._reply is not None:
            self._answer_close()
        elif self._ping and not (self._held or self._progresses()):
            seconds = kernel.settings.ws_ping_timeout
            kernel.log.info("connection lost: a ping was not answered within %g s (--ws-ping-timeout)", seconds)
            self._close(1011, "keepalive ping timeout")
            self._finish()
        else:
            self._send_ping()

    def _send_ping(self) -> None:
        """Ask whether the peer is alive. While reading is held no answer can be seen: the next ping asks again."""
        settings = self._kernel.settings
        seconds = settings.ws_ping_interval
        if not self._stream.congested and self._codec is not None:
            ping = urandom(4)
            self._write(self._codec.ping(ping))
            if settings.ws_ping_timeout:
                self._ping = ping
                seconds = settings.ws_ping_timeout
        self._arm(seconds)

    def _arm(self, seconds: float | None) -> None:
        self._due = self._kernel.due(seconds or 0.0)
        if not self._stream.congested:  # else the deadline is that of the write, and `expire` comes back to ours
            self._stream.deadline = self._due

    def refuse(self) -> None:
        """All the WebSockets of the connection keep too much, and this one most of it (`tricorn.api.Tunnel`)."""
        self._drop_messages()
        if self._codec is not None:
            if self._reply is None:
                self._reply = self._codec.close(1009, "too much on one connection")
                self._disconnect = self._disconnect or {"type": "websocket.disconnect", "code": 1009, "reason": ""}
            self._answer_close()

    @property
    def streaming(self) -> bool:
        """Whether its application takes it for open: it may well go on for ever."""
        return self._state >= OPEN and self._denial is None and not (self._mine or self._noticed)

    def drain(self) -> None:
        """The server is shutting down, and does not wait for a WebSocket that may have no end."""
        if self._state == OPEN and self._reply is None:
            self._close(1012, "")

    # --- the codec's side ------------------------------------------------------------------------------------------

    def on_pong(self, payload: bytes) -> None:
        """The peer is alive."""
        if self._ping and payload == self._ping:
            self._ping = b""
            if self._state == OPEN and self._reply is None:
                self._arm(self._kernel.settings.ws_ping_interval)

    def on_close(self, code: int, reason: str, reply: bytes) -> None:
        """The peer's close frame, or the codec's verdict."""
        if self._state == CLOSING:
            self._finish()
        elif self._state == OPEN:
            self._send_pongs()
            if code == 1009:
                size = self._kernel.settings.ws_max_size
                self._kernel.log.info("connection closed for the size of a message: --ws-max-size is %d here", size)
            self._disconnect = {"type": "websocket.disconnect", "code": code, "reason": reason}
            self._reply = reply
            if self._queue or self._out.busy:
                self._arm(ANSWER_TIME)
            else:
                self._answer_close()

    # --- the application's side ------------------------------------------------------------------------------------

    async def receive(self) -> Message:
        """The ASGI `receive`: connect, messages, and at last the disconnect, repeated to whoever asks again."""
        if not self._connected:
            self._connected = True
            return {"type": "websocket.connect"}
        while not self._queue:
            if self._reply is not None:
                self._answer_close()
            if self._disconnect is not None:
                self._noticed = True
                return self._disconnect
            await self._news()
        if self._reply is not None:
            self._arm(ANSWER_TIME)
        return self._take()

    async def send(self, event: Message) -> None:
        """The ASGI `send`. Suspends only while the peer takes data more slowly than the application makes it.

        Raises ClientDisconnected when the peer is gone, RuntimeError for events out of order, ValueError and TypeError
        for what must not be sent.
        """
        kind = event["type"]
        state = self._state
        if state == OPEN:
            if kind == "websocket.send":
                if self._stream.congested or self._out.busy:
                    await self._out.room()
                    self._check_alive(kind)
                data = event.get("bytes")
                if data is None:
                    data = event.get("text")
                    if type(data) is not str:
                        check_text(data)
                elif type(data) is not bytes:
                    check_bytes(data)
                frame = self._encode(data)
                if type(frame) is not bytes:
                    if await self._out.send_large(frame, bool(self._queue)) and self._reply is not None:
                        self._arm(ANSWER_TIME)
                        self._wake()
                    self._check_alive(kind)
                elif self._queue or self._out.gathered:
                    self._out.gather(frame, bool(self._queue))
                else:
                    self._send_data(frame, False)
            elif kind == "websocket.close":
                self._close_for_app(event)
            else:
                raise RuntimeError(f"Expected ASGI message 'websocket.send' or 'websocket.close', but got '{kind}'.")
        elif state == CONNECTING:
            await self._answer_handshake(kind, event)
        elif self._denial is not None:
            await self._deny(kind, event)
        else:
            self._check_alive(kind)

    def _check_alive(self, kind: str) -> None:
        if self._state == OPEN:
            return
        if self._mine:
            raise RuntimeError(f"Unexpected ASGI message '{kind}', after sending 'websocket.close'.")
        self._noticed = True
        raise ClientDisconnected("the WebSocket is closed")

    # --- the handshake ---------------------------------------------------------------------------------------------

    async def _answer_handshake(self, kind: str, event: Message) -> None:
        if kind == "websocket.accept":
            self._accept(event)
        elif kind == "websocket.close":
            await self._start_denial(FORBIDDEN)
            await self._deny("websocket.http.response.body", {})
            self._kernel.log.info(
                "connection rejected by the application before accepting it (no route for %s?)", log_path(self.scope)
            )
        elif kind == "websocket.http.response.start":
            await self._start_denial(event)
        else:
            raise RuntimeError(
                "Expected ASGI message 'websocket.accept', 'websocket.close' "
                f"or 'websocket.http.response.start' but got '{kind}'."
            )

    def _accept(self, event: Message) -> None:
        kernel, stream, head = self._kernel, self._stream, self._head
        assert kernel.ws is not None
        codec, extensions = kernel.ws.codec(self, kernel.settings, values(head, b"sec-websocket-extensions"))
        subprotocol, headers = event.get("subprotocol"), event.get("headers") or ()
        fields = accept_fields(stream, self._key, extensions, subprotocol, headers)
        self._encode: Callable[[Any], Any] = codec.send
        self._state = OPEN
        log_handshake(kernel, stream, self.scope, "[accepted]")
        kernel.log.info("connection open")
        self._start_reading(codec)
        stream.accept_tunnel(fields, self)
        if self._state == OPEN and self._reply is None:
            self._arm(kernel.settings.ws_ping_interval)

    async def _start_denial(self, event: Message) -> None:
        denial = Denial(self._kernel, self._stream, self._head, self.scope)
        await denial.send({**event, "type": "http.response.start"})
        self._state = DENYING
        self._denial = denial

    async def _deny(self, kind: str, event: Message) -> None:
        denial = self._denial
        assert denial is not None
        if kind != "websocket.http.response.body":
            raise RuntimeError(f"Expected ASGI message 'websocket.http.response.body' but got '{kind}'.")
        await denial.send({**event, "type": "http.response.body"})
        if not event.get("more_body", False) and self._state == DENYING:
            self._lose(1006, "")

    # --- the end ---------------------------------------------------------------------------------------------------

    def _close_for_app(self, event: Message) -> None:
        code = 1000 if event.get("code") is None else event["code"]
        if code not in CLOSE_CODES and code != 1005:
            raise ValueError(f"Invalid WebSocket close code: {code}.")
        reason = event.get("reason") or ""
        self._mine = True
        if self._reply is not None:
            self._answer_close()
        else:
            self._close(int(code), reason.encode()[:REASON_LIMIT].decode(errors="ignore"))

    def _close(self, code: int, reason: str) -> None:
        """Begin the closing handshake."""
        assert self._codec is not None
        self._disconnect = {"type": "websocket.disconnect", "code": code, "reason": reason}
        self._state = CLOSING
        self._write(self._codec.close(code, reason))
        self._out.release()
        self._arm(CLOSE_TIME)
        self._drop_unread()
        self._wake()

    def _answer_close(self) -> None:
        """Answer the peer's close frame, or send the verdict on it."""
        reply, self._reply = self._reply, None
        self._write(reply or b"")
        self._finish()

    def _finish(self) -> None:
        """Both close frames have been sent: end the stream behind them."""
        self._lose(1006, "")
        self._stream.send_data(b"", True)

    def _lose(self, code: int, reason: str) -> None:
        """Nothing more can be sent or received."""
        if self._state in (OPEN, CLOSING):
            self._kernel.log.info("connection closed")
        self._state = CLOSED
        self._reply = None
        if self._disconnect is None:
            self._disconnect = {"type": "websocket.disconnect", "code": code, "reason": reason}
        self._out.release()
        self._stop_reading()
        self._encode = drop
        self._wake()

    # --- the call --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Call the application, and close for it where it does not."""
        kernel = self._kernel
        app: Any = kernel.app
        failed = True
        try:
            result = await app(self.scope, self.receive, self.send)
            if result is not None:
                kernel.log.error("ASGI callable should return None, but returned '%s'.", result)
            if self._state == CONNECTING:
                kernel.log.error("ASGI callable returned without completing handshake.")
            elif self._state == DENYING:
                kernel.log.error("ASGI callable returned without completing response.")
            failed = False
        except (asyncio.CancelledError, ClientDisconnected):
            pass
        except BaseException as error:
            # SystemExit too: a handler that calls sys.exit() must not take the other clients down with it.
            kernel.log.error("Exception in ASGI application", exc_info=error)
        finally:
            kernel.calls.discard(self)
            self.task = None
        self._drop_messages()
        self._close_after(failed)

    def _close_after(self, failed: bool) -> None:
        """The application's call has ended."""
        if self._state == OPEN:
            if self._reply is not None:
                self._answer_close()
            else:
                self._close(1011 if failed else 1000, "")
        elif self._state in (CONNECTING, DENYING):
            denial = self._denial or Denial(self._kernel, self._stream, self._head, self.scope)
            denial.fail()
            self._lose(1006, "")
