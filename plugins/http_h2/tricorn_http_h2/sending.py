"""The sending half of a connection: frames gathered into few writes, the shared window, and whose turn it is.

Frames of one turn of the loop, or of one read, leave in one write. While everything fits, `busy` is false and a stream
emits its frames at once. Otherwise data waits in its stream, and `pump` takes it from there as the client's windows and
the transport allow, in the order of the schedule and a burst at a time, so that other connections get their turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING

from tricorn.api import Kernel
from tricorn.fields import DATE, SERVER
from tricorn_http_h2 import frames
from tricorn_http_h2.abuse import Budget
from tricorn_http_h2.fields import EMPTY_TABLE, defaults
from tricorn_http_h2.frames import FLOW_CONTROL_ERROR, LARGEST_WINDOW, ConnectionFault
from tricorn_http_h2.priority import Schedule
from tricorn_http_h2.settings import PeerSettings

if TYPE_CHECKING:
    from tricorn_http_h2.stream import Http2Stream
    from tricorn_http_h2.stream_sending import SendingStream

BURST = 131072
"""Octets handed to the transport at once, and by one connection in one turn of the loop."""


class Sender(asyncio.Protocol):
    """What `Http2Connection` inherits.

    window: octets that the client takes on all streams together. congested: the transport's buffer is full. busy: data
    has to wait in its stream, and waiting is how much does. held: streams with frames that wait only for the transport.
    """

    __slots__ = (
        "_gathering",
        "_out",
        "_pumping",
        "_sent_at",
        "_size",
        "_transport",
        "_unwritten",
        "_write",
        "_write_due",
        "busy",
        "client_settings",
        "congested",
        "control",
        "deadline",
        "first_block",
        "held",
        "kernel",
        "schedule",
        "streams",
        "waiting",
        "window",
    )

    _transport: asyncio.Transport
    _write: Callable[[bytes], None]

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.streams: dict[int, Http2Stream] = {}
        self.schedule: Schedule[SendingStream] = Schedule()
        self.held: list[SendingStream] = []
        self.client_settings = PeerSettings()
        self.window = frames.DEFAULT_WINDOW
        self.control = Budget(kernel.settings.h2_limit_control, "frames without progress", kernel.clock)
        self.first_block = EMPTY_TABLE
        self.waiting = 0
        self.busy = False
        self.congested = False
        self.deadline = 0.0
        self._out: list[bytes | memoryview] = []
        self._size = 0
        self._gathering = False
        self._pumping = False
        self._unwritten = 0
        self._write_due = 0.0
        self._sent_at = 0.0

    def defaults(self, flags: int) -> bytes:
        """The rendered default fields, less those that the application sent itself."""
        return defaults(self.kernel.default_fields, flags & (DATE | SERVER))

    # --- frames ----------------------------------------------------------------------------------------------------

    def emit(self, frame: bytes | memoryview) -> None:
        """Send a frame, or a part of one, at the end of this turn of the loop at the latest."""
        self._out.append(frame)
        self._size += len(frame)
        if not self._gathering:
            self._gathering = True
            self.kernel.at_turn_end(self.flush)
        elif self._size > BURST:
            self._write_out()

    def flush(self) -> None:
        """Write what has been gathered."""
        self._gathering = False
        if self._out:
            self._write_out()

    def _write_out(self) -> None:
        out, self._out = self._out, []
        self._size = 0
        self._sent_at = self.kernel.clock
        if not self._transport.is_closing():
            self._write(out[0] if len(out) == 1 and type(out[0]) is bytes else b"".join(out))

    # --- data ------------------------------------------------------------------------------------------------------

    def schedule_stream(self, stream: SendingStream) -> None:
        """A stream has data and a window."""
        self.busy = True
        self.schedule.add(stream)
        if not self._pumping and not self.congested:
            self._pumping = True
            self.kernel.at_turn_end(self._pump_on)

    def pump(self) -> None:
        """Send what waits: one burst of it now, and one in each turn of the loop from the next on."""
        schedule = self.schedule
        left = BURST
        self._gathering = True
        while schedule and left > 0 and self.window > 0 and not self.congested:
            left -= schedule.next().send_chunk()
        self.flush()
        if schedule and self.window > 0 and not self.congested and not self._pumping:
            self._pumping = True
            asyncio.get_running_loop().call_soon(self._pump_on)
        self.busy = self.congested or bool(schedule)

    def _pump_on(self) -> None:
        self._pumping = False
        self.pump()

    def widen(self, increment: int) -> None:
        """WINDOW_UPDATE of the connection. Raises ConnectionFault."""
        self.window += increment
        if self.window > LARGEST_WINDOW:
            raise ConnectionFault(FLOW_CONTROL_ERROR, "the connection's window overflows")

    # --- the transport ---------------------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        """The transport's buffer is full: the client reads too slowly."""
        self.congested = self.busy = True
        self.check_progress()

    def resume_writing(self) -> None:
        """The transport has room again: first for what no window counts, then for data."""
        self.congested = False
        self._write_due = 0.0
        held, self.held = self.held, []
        while held and not self.congested:
            held.pop(0).release_head()
            self.flush()
        self.held = held + self.held
        if not self.congested:
            self.pump()

    def progresses(self) -> bool:
        """Whether anything has been sent within the time that a client has for taking something. While the transport is
        full, `check_progress` is who finds out."""
        return self.congested or self.kernel.clock < self._sent_at + (self.kernel.timeout_write or inf)

    def check_progress(self) -> int:
        """Cut a client that has taken nothing for too long of what the transport holds; return how much that is."""
        unwritten = self._transport.get_write_buffer_size()
        clock = self.kernel.clock
        if not unwritten:
            self._write_due = 0.0
        elif unwritten < self._unwritten or not self._write_due:
            self._unwritten = unwritten
            self._write_due = self.kernel.due(self.kernel.timeout_write)
        elif clock >= self._write_due:
            self._transport.abort()
        self.arm(self._write_due)
        return unwritten

    def arm(self, due: float) -> None:
        """Let the kernel's sweep call `expire` at this time at the latest."""
        if due and not 0.0 < self.deadline <= due:
            self.deadline = due
