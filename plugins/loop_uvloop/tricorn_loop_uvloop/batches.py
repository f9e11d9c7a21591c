"""Accepting several connections in one turn of uvloop, which by itself takes one.

libuv accepts a single connection each time that it finds a listening socket readable. Where thousands of clients per
second connect anew, a turn of the loop for each of them costs as much as serving it. A socket that is listened on
through several descriptors brings one connection by each of them. But a descriptor that finds nothing costs a system
call, so there are only as many as there were connections in a turn: one, for most servers and most of the time.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

PERIOD = 0.05
"""Seconds that are judged by what came in them."""

BUSY = 50
"""Connections in a period from which on a second descriptor is tried, time and again."""

MOST = 16
"""Descriptors of one socket."""


async def listen(
    sock: socket.socket, protocol: Callable[[], asyncio.Protocol], backlog: int, options: dict[str, Any]
) -> Batches:
    """Serve the connections that arrive at a bound socket (`tricorn.api.LoopProvider`)."""
    batches = Batches(asyncio.get_running_loop(), sock, protocol, backlog, options)
    await batches.start()
    return batches


class Batches:
    """What listens on one socket, and is like the `asyncio.Server` of it.

    protocol, backlog, options: as for `loop.create_server`.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        backlog: int,
        options: dict[str, Any],
    ) -> None:
        self._loop = loop
        self._socket = sock
        self._protocol = protocol
        self._options = {"backlog": backlog, **options}
        self._servers: list[asyncio.base_events.Server] = []
        self._accepted = 0
        self._turns = 0
        self._in_turn = False
        self._timer: asyncio.TimerHandle | None = None
        self._changing: asyncio.Task[None] | None = None
        self._closed = False

    async def start(self) -> None:
        """Accept by one descriptor. Raises OSError where the socket cannot listen."""
        self._servers.append(await self._loop.create_server(self._connect, sock=self._socket, **self._options))

    def __getattr__(self, name: str) -> Any:
        # Whoever looks for more finds it at the server of the first descriptor.
        return getattr(self._servers[0], name)

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The socket, once, as `asyncio.Server` has it."""
        return tuple(self._servers[0].sockets)

    @property
    def descriptors(self) -> int:
        """By how many descriptors connections come."""
        return len(self._servers)

    def close(self) -> None:
        """Accept nothing more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for server in self._servers:
            server.close()

    def _connect(self) -> asyncio.Protocol:
        self._accepted += 1
        if len(self._servers) > 1 and not self._in_turn:
            self._in_turn = True
            self._turns += 1
            self._loop.call_soon(self._end_turn)
        if self._timer is None:
            self._timer = self._loop.call_later(PERIOD, self._judge)
        return self._protocol()

    def _end_turn(self) -> None:
        self._in_turn = False

    def _judge(self) -> None:
        """Look at what the period brought: by how many descriptors shall connections come in the next?"""
        accepted, turns = self._accepted, self._turns
        self._accepted = self._turns = 0
        self._timer = None
        wanted = self._wanted(accepted, turns)
        if wanted != len(self._servers) and self._changing is None:
            self._changing = self._loop.create_task(self._change(wanted))
        if wanted > 1:
            # It goes down again, even if nobody comes any more.
            self._timer = self._loop.call_later(PERIOD, self._judge)

    def _wanted(self, accepted: int, turns: int) -> int:
        """How many descriptors fit so many connections in so many turns."""
        count = len(self._servers)
        if accepted < BUSY:
            return 1
        if count == 1 or accepted > 0.9 * count * turns:
            return min(2 * count, MOST)
        return count if accepted >= 0.6 * count * turns else count // 2

    async def _change(self, wanted: int) -> None:
        try:
            while len(self._servers) > wanted:
                self._servers.pop().close()
            while len(self._servers) < wanted and not self._closed:
                another = self._socket.dup()
                try:
                    server = await self._loop.create_server(self._connect, sock=another, **self._options)
                except OSError:
                    another.close()
                    raise
                self._servers.append(server)
        except OSError:
            pass  # no descriptor is left: all the less can be spared for this
        finally:
            self._changing = None
        if self._closed:
            self.close()
