"""How a connection ends: deadlines, GOAWAY in both directions, shutdown, and a loss.

The reading half is in one of these states, which only `data_received` and the ends here change:

    BEGIN     the client's preface has not arrived
    FIRST     the preface has; the first frame must be SETTINGS
    OPEN      frames
    CLOSED    GOAWAY was our last word, or the connection is gone; what still arrives is dropped

A connection that is `_leaving` takes no streams beyond `_accepts_to`, and ends with the last of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tricorn_http_h2 import frames
from tricorn_http_h2.frames import ENHANCE_YOUR_CALM, LARGEST_WINDOW, NO_ERROR, ConnectionFault
from tricorn_http_h2.sending import Sender

if TYPE_CHECKING:
    from tricorn.api import Kernel
    from tricorn_http_h2.receiving import Block

BEGIN, FIRST, OPEN, CLOSED = range(4)

LINGER_TIME = 2.0
"""Seconds a client gets to read our last words before the connection is closed under it."""
LINGER_LIMIT = 262144
"""Octets that are read meanwhile only to be dropped: closing over unread input would take the last words away."""
DRAIN_TIME = 1.0
"""Seconds in which, at shutdown, the client learns that it should open no more streams (RFC 9113 section 6.8)."""

_DRAINING = b"draining"
"""The payload of the PING behind the first GOAWAY: its answer says that the client has seen both."""


class Ending(Sender):
    """What `Http2Connection` inherits. last: the highest stream that the client has opened. peer: its name in logs."""

    __slots__ = (
        "_accepts_to",
        "_head_due",
        "_idle_due",
        "_last_call",
        "_leaving",
        "_paused",
        "_state",
        "block",
        "last",
        "peer",
    )

    peer: str

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.last = 0
        self.block: Block | None = None
        self._state = BEGIN
        self._accepts_to = LARGEST_WINDOW
        self._leaving = False
        self._paused = False
        self._idle_due = 0.0
        self._last_call = 0.0
        self._head_due = 0.0

    def eof_received(self) -> bool:
        """The client has closed its sending side: without it no window widens and nothing can be said about streams."""
        self._lose()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, whoever ended it."""
        self._lose()
        self.deadline = 0.0
        self.kernel.remove(self)

    def _lose(self) -> None:
        """Nothing more arrives: every stream is gone."""
        self._state = CLOSED
        for stream in list(self.streams.values()):
            stream.vanish()

    # --- ends ------------------------------------------------------------------------------------------------------

    def be_idle(self) -> None:
        """No stream is left."""
        if self._state == CLOSED:
            return
        if self._leaving and self._accepts_to != LARGEST_WINDOW:
            self._close()
        elif self.last:
            self._idle_due = self.kernel.clock + self.kernel.keep_alive
            self.arm(self._idle_due)

    def fail(self, fault: ConnectionFault) -> None:
        """End the connection for a mistake of the client's."""
        if fault.code == ENHANCE_YOUR_CALM:
            self.kernel.log.warning("HTTP/2 client %s was sent away: %s.", self.peer, fault)
        self._end(fault.code, str(fault).encode())

    def depart(self) -> None:
        """The client has said GOAWAY: it opens no more streams."""
        self._leaving = True
        self._accepts_to = self.last

    def _close(self) -> None:
        """End the connection in good order: nothing is being served."""
        self._end(NO_ERROR, b"")

    def _end(self, code: int, reason: bytes) -> None:
        self._lose()
        self.emit(frames.goaway(min(self.last, self._accepts_to), code, reason))
        self.flush()
        transport = self._transport
        if transport.is_closing():
            return
        if not transport.can_write_eof():
            transport.close()
            return
        transport.write_eof()
        self.deadline = self.kernel.due(LINGER_TIME)
        if self._paused:
            transport.resume_reading()

    def acknowledged(self, payload: bytes) -> None:
        """The answer to a PING of ours."""
        if payload == _DRAINING and self._leaving:
            self._stop_accepting()

    def _stop_accepting(self) -> None:
        """The second GOAWAY of a shutdown: the client knew of the first."""
        self._leaving = True
        self._accepts_to = self.last
        if self.streams:
            self.emit(frames.goaway(self.last, NO_ERROR))
        else:
            self._close()

    # --- the kernel's side -----------------------------------------------------------------------------------------

    def expire(self) -> None:
        """A deadline of the connection or of one of its streams has passed."""
        kernel = self.kernel
        clock = kernel.clock
        self.deadline = 0.0
        unwritten = self.check_progress()
        if self._state == CLOSED:
            if not unwritten:
                self._transport.abort()
            return
        if self.block is not None:
            if clock >= self._head_due:
                self.fail(ConnectionFault(ENHANCE_YOUR_CALM, "a field block that takes too long"))
                return
            self.arm(self._head_due)
        if self._leaving and self._accepts_to == LARGEST_WINDOW:
            if clock >= self._last_call:
                self._stop_accepting()
            else:
                self.arm(self._last_call)
        elif not self.streams and not unwritten:
            if clock >= self._idle_due:
                self._close()
                return
            self.arm(self._idle_due)
        for stream in list(self.streams.values()):
            if 0.0 < stream.deadline <= clock:
                stream.expire()
            self.arm(stream.deadline)

    def drain(self) -> None:
        """The server is shutting down (`tricorn.api.Connection`)."""
        if self._state == CLOSED:
            return
        if self.last and not self.streams:
            self._close()
            return
        self.announce_end()

    def announce_end(self) -> None:
        """The first GOAWAY of a shutdown. A client that has just connected is about to send a request."""
        self._leaving = True
        self.emit(frames.goaway(LARGEST_WINDOW, NO_ERROR) + frames.ping(_DRAINING))
        self._last_call = self.kernel.due(DRAIN_TIME)
        self.arm(self._last_call)

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()
