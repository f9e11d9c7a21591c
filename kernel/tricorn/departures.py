"""Clients that leave while nobody reads from them.

A connection whose reading is paused, because its application has enough to do, would not notice that its client has
gone until it reads again: the end of input stands behind bytes that wait. So the system watches such a connection for
nothing but its end, and the application that waits in `receive()` hears of it at once.

Most pauses are over before the application has run once more: a body has arrived as a whole, or is read as fast as it
comes. Watching begins behind that, so that such a pause costs no system call.

This needs Linux's epoll. Elsewhere the end is noticed at the next write, or when reading resumes.
"""

from __future__ import annotations

import asyncio
import select
from contextlib import suppress
from typing import Any, Protocol

__all__ = ["Departures"]


class Leaving(Protocol):
    """A connection that can be watched."""

    def departed(self, gone: bool) -> None:
        """The client has closed its sending side; `gone`: or both, or the connection is reset."""


class Departures:
    """What is watched, by its descriptor and by its connection."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._soon: dict[Leaving, asyncio.BaseTransport] = {}
        self._watched: dict[int, Leaving] = {}
        self._descriptors: dict[Leaving, int] = {}
        self._epoll: Any = None

    def watch(self, transport: asyncio.BaseTransport, connection: Leaving) -> None:
        """Tell the connection when its client leaves, once for each way to do so."""
        if not self._soon:
            self._loop.call_soon(self._loop.call_soon, self._watch_paused)
        self._soon[connection] = transport

    def _watch_paused(self) -> None:
        """Watch the connections that are still paused."""
        soon, self._soon = self._soon, {}
        for connection, transport in soon.items():
            sock = transport.get_extra_info("socket")
            descriptor = -1 if sock is None else sock.fileno()
            if descriptor >= 0 and hasattr(select, "epoll"):
                self._register(descriptor, connection)

    def _register(self, descriptor: int, connection: Leaving) -> None:
        if self._epoll is None:
            self._epoll = select.epoll()
            self._loop.add_reader(self._epoll.fileno(), self._notice)
        self._watched[descriptor] = connection
        self._descriptors[connection] = descriptor
        self._epoll.register(descriptor, select.EPOLLRDHUP)

    def forget(self, connection: Leaving) -> None:
        """Reading resumes, or the connection is lost."""
        self._soon.pop(connection, None)
        descriptor = self._descriptors.pop(connection, -1)
        # A loop may have closed a lost connection's descriptor before it says so, and the next one may have got it.
        if self._watched.get(descriptor) is connection:
            del self._watched[descriptor]
            with suppress(OSError):
                self._epoll.unregister(descriptor)

    def close(self) -> None:
        """Watch nothing any more."""
        self._soon.clear()
        if self._epoll is not None:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None
            self._watched.clear()
            self._descriptors.clear()

    def _notice(self) -> None:
        for descriptor, events in self._epoll.poll(0):
            connection = self._watched[descriptor]
            gone = bool(events & (select.EPOLLHUP | select.EPOLLERR))
            if gone:
                self.forget(connection)
            else:
                # A client that has closed its sending side may still reset the connection, which is always told.
                self._epoll.modify(descriptor, 0)
            connection.departed(gone)
