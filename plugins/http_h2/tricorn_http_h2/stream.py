"""One stream: the kernel's `Stream` of a request and its response, or of a tunnel.

A stream is open in two directions, `receiving` and `sending`; it is gone when both have ended or either side has reset
it. `SendingStream` has what is waiting to be sent; here is what arrives, and how a stream ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tricorn.api import Headers, Receiver, Refusal, Tunnel
from tricorn.fields import FRAMED
from tricorn.responses import refusal_body
from tricorn_http_h2 import frames
from tricorn_http_h2.frames import (
    CANCEL,
    INTERNAL_ERROR,
    NO_ERROR,
    PROTOCOL_ERROR,
    StreamFault,
)
from tricorn_http_h2.stream_sending import SendingStream

if TYPE_CHECKING:
    from tricorn_http_h2.connection import Http2Connection
    from tricorn_http_h2.heads import Request

DRAIN_LIMIT = 262144
"""Octets of a request body that are taken although the response is complete: some clients read only after writing."""
DRAIN_TIME = 5.0
"""Seconds that this may take."""

_PLAIN_TEXT = (b"content-type", b"text/plain; charset=utf-8")


class Http2Stream(SendingStream):
    """One request and its response, or one tunnel.

    receiver: the kernel's end, as long as it wants to hear from us; tunnel: that of a tunnel.
    _left: octets that Content-Length still announces.
    _size: of the window that the client has for its body; _room: what is left of it; grown: what it has gained.
    """

    __slots__ = (
        "_drain",
        "_given",
        "_left",
        "_paused",
        "_room",
        "_size",
        "_tunnelled",
        "client",
        "grown",
        "peer",
        "receiver",
        "receiving",
        "secure",
        "server",
        "tunnel",
    )

    multiplexed = True

    def __init__(self, connection: Http2Connection, number: int, request: Request, end: bool) -> None:
        super().__init__(connection, number, request.priority, request.expects)
        self.client = connection.client
        self.server = connection.server
        self.peer = connection.peer
        self.secure = connection.secure
        self.receiver: Receiver | None = None
        self.receiving = not end
        self.tunnel: Tunnel | None = None
        self._tunnelled = request.protocol is not None
        self._left = request.length
        self._paused = False
        self._drain = DRAIN_LIMIT
        self._size = self._room = frames.DEFAULT_WINDOW
        self._given = 0
        self.grown = 0

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
            if self.receiver is None:
                self._drop(len(data))
            else:
                try:
                    self.receiver.feed(data)
                except Refusal as refusal:
                    self._refuse_late(refusal)
            if not self.receiving:
                return
        if end:
            self.end()
        else:
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
            # The kernel keeps less than one window for an application before it pauses: a third shows that it reads.
            self._given += 1
            if self._given > 2 and self._size < connection.stream_window_limit:
                more = min(self._size, connection.stream_window_limit - self._size, connection.spare)
                connection.spare -= more
                self.grown += more
                self._size += more
            connection.emit(frames.window_update(self.id, self._size - self._room))
            self._room = self._size

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

    # --- the response of the server's own, and the tunnel ---------------------------------------------------------

    def refuse(self, refusal: Refusal) -> None:
        """Answer for a request that the server does not take."""
        self._connection.kernel.refused(refusal)
        body = refusal_body(refusal)
        fields, _, _ = self.fields.render([_PLAIN_TEXT, *refusal.headers])
        fields.append(self.fields.length(len(body)))
        self.send_head(refusal.status, fields, FRAMED, body, True)

    def _refuse_late(self, refusal: Refusal) -> None:
        """Take a request away from its application, which may have begun to answer it."""
        if self._responding:
            self._connection.kernel.refused(refusal)
            self.reset(CANCEL)
        else:
            self._disconnect()
            self.refuse(refusal)

    def accept_tunnel(self, headers: Headers, receiver: Tunnel) -> None:
        """Answer an extended CONNECT with 200 (RFC 8441 section 5)."""
        self.send_head(200, self.fields.render(headers)[0], 0, b"", False)
        self.receiver = self.tunnel = receiver
        self._left = None

    def keeps(self, size: int) -> None:
        """The tunnel's receiver keeps so much (`tricorn.api.Stream`)."""
        if size > self._connection.tunnel_share:
            self._connection.check_tunnels()

    # --- ends ------------------------------------------------------------------------------------------------------

    def wait_for_room(self) -> None:
        """Give the client time to take what waits. A tunnel's receiver looks after that itself until it has to wait."""
        if self.tunnel is None or self.congested:
            kernel = self._connection.kernel
            self.deadline = kernel.due(kernel.timeout_write)

    def caught_up(self) -> None:
        """Nothing waits any more: the deadline is that of the body, or the tunnel's, who is asked at once."""
        if self.tunnel is not None:
            self.deadline = self._connection.kernel.clock
        else:
            self._deadline = 0.0
            self.await_body()

    def expire(self) -> None:
        """The deadline has passed, and it depends on what was waited for whose it was."""
        self._deadline = 0.0
        if self.tunnel is not None and self.sending and not self.congested:
            self.tunnel.expire()
        elif self.waiting or self._held:
            if self.window > 0 and self._connection.progresses():
                self.wait_for_room()  # others are served meanwhile, by priority
            else:
                self.reset(CANCEL)
        elif not self.sending:
            self.reset(NO_ERROR)
        else:
            self._refuse_late(Refusal(408, "the request body paused for longer than --timeout-request-body"))

    def complete(self) -> None:
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
        self._connection.waiting -= self.waiting
        self.waiting = 0
        self._parts = None
        self._held = b""
        self._connection.schedule.remove(self)
        self._connection.forget(self)
        self._disconnect()
        self.wake()

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
