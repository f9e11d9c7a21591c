"""The kernel of a running server: open connections, application calls, limits, and the one clock of all deadlines."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from time import time
from typing import Any

from tricorn.api import ASGIApp, Connection, HttpProvider, Refusal, WsProvider
from tricorn.departures import Departures
from tricorn.fields import DATE, SERVER
from tricorn.negotiation import Factory, protocol_factory
from tricorn.opening import open_request
from tricorn.recall import Recall
from tricorn.responses import STATUS_LINES, http_date
from tricorn.turn import Turn
from tricorn.upgrades import UnsupportedUpgrades

TICK = 0.1
"""Seconds between two sweeps over all deadlines: how exact a deadline is, and how late a log line may be."""

STEP = 10
"""Seconds between two looks at which streams are open: how exactly their age is known, at no cost to a request."""

Access = Callable[[str, str, str, str, int], None]


class Kernel:
    """What every connection of one server shares (`tricorn.api.Kernel`).

    app: the ASGI 3 application, with its middleware. settings: read by uvicorn's keyword names. http: the selected HTTP
    plugins, best first. ws: the selected WebSocket plugin, or None. state: the lifespan's, copied into every scope.
    access: takes one access record, or None where nobody wants them; access_refused: the same for a request that never
    reaches the application, which may be all that is left to the kernel to log.

    protocol: makes the protocol object of a new connection, for `loop.create_server`.
    """

    # What every request reads: out of a dict as large as this object's it would cost twice.
    __slots__ = (
        "__dict__",
        "__weakref__",
        "access",
        "app",
        "calls",
        "create_task",
        "eager",
        "keep_alive",
        "limit_body",
        "limit_concurrency",
        "loop",
        "prefixes",
        "recall",
        "root_path",
        "settings",
        "state",
        "turn",
    )

    def __init__(
        self,
        app: ASGIApp,
        settings: Any,
        *,
        http: Sequence[HttpProvider],
        ws: WsProvider | None,
        state: dict[str, Any],
    ) -> None:
        self.app = app
        if settings.limit_calls:
            from tricorn.admission import Admission

            self.app = Admission(app, settings.limit_calls, settings.limit_waiting_calls)
        self.settings = settings
        self.http = http
        self.protocol: Factory = protocol_factory(self, http)
        self.ws = ws
        self.state = state
        self.access: Access | None = None
        self.access_refused: Access | None = None
        self.log = logging.getLogger("tricorn.error")
        self.root_path: str = settings.root_path
        self.limit_concurrency: int | None = settings.limit_concurrency
        self.keep_alive: float = settings.timeout_keep_alive + TICK
        self.timeout_head: float = settings.timeout_request_head
        self.timeout_body: float = settings.timeout_request_body
        self.timeout_write: float = settings.timeout_write
        self.limit_body: int = settings.limit_request_body or 0
        self.limit_head: int = settings.limit_request_head
        self.limit_line: int = settings.limit_request_line
        self.head_lines: int = settings.limit_request_fields + 3
        self.head_small = min(self.limit_head, self.limit_line)
        self.connections: set[Connection] = set()
        self.calls: set[Any] = set()
        self.total_requests = 0
        self.recall = Recall(self.head_small)
        self.upgrades = UnsupportedUpgrades(self.log)
        self.draining = False
        self.persistent = True
        self.eager = False
        self.clock = 0.0
        self.default_fields = b""
        self.prefixes: dict[int, bytes] = {}
        self._second = 0
        self._ticker: asyncio.TimerHandle | None = None
        self.since: dict[Any, float] = {}
        self._idle: list[asyncio.Future[None]] = []

    @property
    def active(self) -> int:
        """How many application calls are running."""
        return len(self.calls)

    # --- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the clock. Called in the running loop, before the first connection."""
        self.loop = asyncio.get_running_loop()
        self.departures = Departures(self.loop)
        self.turn = Turn(self.loop)
        self.at_turn_end = self.turn.at_end
        self.create_task = self._task_maker()
        self._tick()

    def _task_maker(self) -> Callable[..., asyncio.Task[None]]:
        """What starts an application call: the loop's own way where it has a task factory, else the short one, which
        from Python 3.12 on runs the call's first step at once."""
        if self.loop.get_task_factory() is not None:
            return lambda call, loop, name: loop.create_task(call, name=name)
        if sys.version_info >= (3, 12):
            self.eager = True
            return partial(asyncio.Task, eager_start=True)
        return asyncio.Task

    def stop(self) -> None:
        """Stop the clock."""
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
            self.departures.close()

    def drain(self) -> None:
        """Begin the shutdown: idle connections close, busy ones do after their response."""
        self.draining = True
        self.persistent = False
        for connection in list(self.connections):
            connection.drain()

    async def drained(self) -> None:
        """Return when no connection and no application call is left."""
        while self.connections or self.calls:
            waiter = self.loop.create_future()
            self._idle.append(waiter)
            await waiter

    def cancel(self, message: str) -> int:
        """Cancel the running application calls; return how many there were."""
        calls = list(self.calls)
        for call in calls:
            if call.task is not None:
                call.task.cancel(message)
        return len(calls)

    def abort(self) -> None:
        """Cut every connection."""
        for connection in list(self.connections):
            connection.abort()

    # --- for connections -------------------------------------------------------------------------------------------

    def add(self, connection: Connection) -> None:
        """Register an accepted connection."""
        self.connections.add(connection)

    def remove(self, connection: Connection) -> None:
        """Forget a closed connection."""
        self.connections.discard(connection)

    open = open_request

    def go_on(self, go_on: Callable[[], None]) -> None:
        """Go on with the next of several pipelined requests: one for each turn of the loop."""
        if self.eager:
            self.loop.call_soon(go_on)
        else:
            go_on()

    def due(self, seconds: float) -> float:
        """The clock reading `seconds` from now, up to one tick late; infinite for 0, which switches a deadline off."""
        return self.clock + seconds + TICK if seconds else inf

    def check_head(self, head: bytes, lines: int) -> None:
        """Raise Refusal: 414 for a request line over its limit, 431 for a head or a number of fields over theirs."""
        if head.find(b"\r\n") > self.limit_line:
            raise self._too_long()
        if len(head) > self.limit_head:
            raise self._too_large()
        if lines > self.head_lines:
            raise Refusal(431, f"more than the {self.head_lines - 3} fields of --limit-request-fields")

    def check_partial_size(self, partial: bytearray) -> None:
        """Raise Refusal for a head that has outgrown its limits before its end arrived."""
        if len(partial) > self.head_small:
            if len(partial) > self.limit_line + 1 and partial.find(b"\r\n", 0, self.limit_line + 2) < 0:
                raise self._too_long()
            if len(partial) > self.limit_head:
                raise self._too_large()

    def _too_long(self) -> Refusal:
        return Refusal(414, f"a request line over the {self.limit_line} bytes of --limit-request-line")

    def _too_large(self) -> Refusal:
        return Refusal(431, f"a request head over the {self.limit_head} bytes of --limit-request-head")

    def refused(self, refusal: Refusal) -> None:
        """Log a refusal, but for 503: a server that is busy says so when it refuses."""
        if refusal.status != 503:
            self.log.warning("Invalid HTTP request received. %s (%d)", refusal, refusal.status)

    def addresses(
        self, transport: asyncio.BaseTransport
    ) -> tuple[tuple[str, int] | None, tuple[str, int | None] | None, str]:
        """The client, the server and the client's name in the logs, as a transport tells them."""
        client = transport.get_extra_info("peername")
        server = transport.get_extra_info("sockname")
        if isinstance(client, (tuple, list)):
            host, port = client = tuple(client[:2])
            return client, tuple(server[:2]), f"{host}:{port}"
        return None, (server, None) if isinstance(server, str) else None, ""

    def reset_on_close(self, transport: asyncio.BaseTransport) -> None:
        """Make closing send RST: the one sign of truncation where the end of the connection ends the body."""
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family != getattr(socket, "AF_UNIX", None):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def prefix(self, status: int) -> bytes:
        """The first lines of a response: the status line and the default fields. Kept for the rest of the second."""
        prefix = self.prefixes[status] = STATUS_LINES[status] + self.default_fields
        return prefix

    def default_fields_without(self, flags: int) -> bytes:
        """The default fields less those that the application sent itself."""
        lines = self.default_fields.split(b"\r\n")
        names = (b"date: ",) * bool(flags & DATE) + (b"server: ",) * bool(flags & SERVER)
        return b"\r\n".join(line for line in lines if not line.startswith(names))

    # --- the clock -------------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        """The clock, the Date field, and a sweep."""
        loop, before = self.loop, self.clock
        # First, so that an error below ends this sweep and not all of them.
        self._ticker = loop.call_later(TICK, self._tick)
        self.clock = clock = loop.time()
        now = int(time())
        if now != self._second:
            self._second = now
            self.default_fields = self._render_defaults(now)
            self.prefixes.clear()
            if not now % STEP:
                since = self.since
                self.since = {call: since.get(call, clock) for call in self.calls if call.streaming}
        if clock > before + 2 * TICK:
            # Somebody has blocked the loop. What clients have sent meanwhile is read first: two turns are between which
            # any loop looks at its sockets.
            loop.call_soon(loop.call_soon, self._sweep)
        else:
            self._sweep()

    def _sweep(self) -> None:
        """Every deadline, and whoever waits for the last connection."""
        clock = self.clock
        for connection in [c for c in self.connections if 0.0 < c.deadline < clock]:
            connection.deadline = 0.0
            connection.expire()
        if self._idle and not self.connections and not self.calls:
            idle, self._idle = self._idle, []
            for waiter in idle:
                if not waiter.done():
                    waiter.set_result(None)

    def _render_defaults(self, now: int) -> bytes:
        fields: list[tuple[bytes, bytes]] = []
        own = dict(self.settings.encoded_headers)  # which may have another server in them
        if self.settings.date_header and b"date" not in own:
            fields.append((b"date", http_date(now)))
        if self.settings.server_header and b"server" not in own:
            fields.append((b"server", b"tricorn"))
        fields.extend(self.settings.encoded_headers)
        return b"".join(b"%b: %b\r\n" % field for field in fields)
