"""Accepting connections, also while the process has no descriptor for one more.

Out of descriptors, asyncio's selector loop tries again as often as the backlog is long, reports each failure with a
traceback, and sets up as many timers to start over. So on that loop connections are accepted here. uvloop copes: it
keeps a descriptor in reserve, with which it accepts and hangs up.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tricorn.api import Listen

BURST = 64
"""Connections accepted in one turn of the loop, so that a flood of them leaves time for those that are open."""

RETRY = 0.1
"""Seconds until the next attempt when there was no descriptor."""

QUIET = 10.0
"""Seconds between two lines that say so."""

EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))

logger = logging.getLogger("tricorn.error")


async def listen(
    sock: socket.socket,
    protocol: Callable[[], asyncio.Protocol],
    backlog: int,
    options: dict[str, Any],
    loops_own: Listen | None = None,
) -> asyncio.base_events.Server:
    """Serve the connections that arrive at a bound socket; closing the server returned ends it.

    protocol, backlog, options: as for `loop.create_server`. loops_own: the way of the plugin that made the loop, if it
    has one. Raises OSError where the socket cannot listen.
    """
    loop = asyncio.get_running_loop()
    if loops_own is not None:
        server: asyncio.base_events.Server = await loops_own(sock, protocol, backlog, options)
        return server
    if not isinstance(loop, asyncio.SelectorEventLoop):
        return await loop.create_server(protocol, sock=sock, backlog=backlog, **options)
    server = await loop.create_server(protocol, sock=sock, start_serving=False, **options)
    sock.listen(backlog)
    Acceptor(loop, server, sock, protocol, options).start()
    return server


class Acceptor:
    """Accepts from one socket until its server has been closed, which takes the socket out of the loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        server: asyncio.base_events.Server,
        sock: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        options: dict[str, Any],
    ) -> None:
        self._loop = loop
        self._server = server
        self._socket = sock
        self._protocol = protocol
        self._options = options
        self._opening: set[asyncio.Task[Any]] = set()
        self._told = -QUIET

    def start(self) -> None:
        """Accept whenever a connection waits."""
        if self._server.sockets:
            self._loop.add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        for _ in range(BURST):
            try:
                connection, _address = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in EXHAUSTED:
                    raise
                self._pause(error)
                return
            opening = self._loop.connect_accepted_socket(self._protocol, connection, **self._options)
            task = self._loop.create_task(opening)
            self._opening.add(task)
            task.add_done_callback(self._opened)

    def _opened(self, task: asyncio.Task[Any]) -> None:
        self._opening.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        # A failed TLS handshake, or a client that is gone, is an OSError: nobody is left to be told.
        if error is not None and not isinstance(error, OSError):
            self._loop.call_exception_handler({"message": "A connection could not be opened.", "exception": error})

    def _pause(self, error: OSError) -> None:
        """Leave the clients in the system's queue until some of those who are served have gone."""
        self._loop.remove_reader(self._socket)
        self._loop.call_later(RETRY, self.start)
        now = self._loop.time()
        if now - self._told >= QUIET:
            self._told = now
            logger.warning(
                "New connections wait: %s. Allow the process more descriptors (ulimit -n), or set --limit-concurrency.",
                error.strerror,
            )
