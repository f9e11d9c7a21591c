"""The end of serving: connections and calls get to finish, as long as the configuration and the user allow.

Responses of no announced length (server-sent events, for one) and WebSockets may have no end. After a while, in which
what is on its way can arrive, the applications of the former are told that the client has left, upon which they stop,
and the latter are closed with 1012; those that go on, because they never ask, are cancelled after the same while.
Whoever sends a length or has not begun to answer gets the whole time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from tricorn.kernel import Kernel
from tricorn.scope import log_path
from tricorn.waiting import TICK, Changes

SETTLE = 1.0
"""Seconds that cancelled application calls get to answer and end before their connections are cut."""

NAMED = 5
"""Requests that the log names when it says that they end, or are waited for."""

logger = logging.getLogger("tricorn.error")


async def drain(
    kernel: Kernel, changes: Changes, forced: Callable[[], bool], limit: float | None, flush: Callable[[], None]
) -> None:
    """Return when no connection and no call is left.

    limit: seconds after which calls are cancelled; None waits for ever. forced: whether everything is to be cut now.
    flush: writes the access lines that wait, meanwhile.
    """
    drained = asyncio.ensure_future(kernel.drained())
    loop = asyncio.get_running_loop()
    begin = loop.time()
    end = None if limit is None else begin + limit
    patience: float = kernel.settings.timeout_graceful_streams
    if limit is not None:
        patience = min(patience, limit / 2)  # whoever is told has as long to act upon it
    streams = Streams(kernel, patience)
    try:
        # The idle connections close within this turn of the loop: nothing to tell about those.
        await asyncio.wait((drained,), timeout=TICK if limit is None else min(TICK, limit))
        if not drained.done() and not forced():
            what = "connections to close" if kernel.connections else "background tasks to complete"
            logger.info("Waiting for %s. (CTRL+C to force quit)", what)
            open_ = [call for call in kernel.calls if call.streaming]
            _log("Waiting for %d stream%s (%s). CTRL+C again drops them.", open_, kernel)
        while not drained.done() and not forced() and (end is None or loop.time() < end):
            await changes.wait(TICK if end is None else min(TICK, max(0.0, end - loop.time())), drained)
            flush()
            if patience and loop.time() >= begin + patience:
                streams.end(loop.time())
        if not drained.done():
            streams.tell(loop.time())
        if not drained.done() and not forced():
            message = "timeout graceful shutdown exceeded"
            logger.error("Cancel %s running task(s), %s", kernel.cancel(f"Task cancelled, {message}"), message)
            await asyncio.wait((drained,), timeout=SETTLE)
        if not drained.done():
            # Whoever ends upon this still gets its 500 out.
            kernel.cancel("Task cancelled, the server was forced to quit")
            await asyncio.wait((drained,), timeout=TICK)
        if not drained.done():
            kernel.abort()
            await asyncio.wait((drained,), timeout=SETTLE)
    finally:
        drained.cancel()


class Streams:
    """The responses and WebSockets that may have no end, while the server ends.

    grace: seconds that an application gets to stop once it has been told.
    """

    def __init__(self, kernel: Kernel, grace: float) -> None:
        self._kernel = kernel
        self._grace = grace
        self._due: dict[Any, float] = {}
        self._told = False

    def end(self, now: float) -> None:
        """Tell the applications that the server ends, and cancel those that were told and went on."""
        if not self._told:
            self._told = True
            _log("Waiting for %d request%s (%s).", [call for call in self._kernel.calls if not call.streaming])
        late = [call for call in self._kernel.calls if call.streaming and self._due.get(call, now) < now]
        for call in late:
            if call.task is not None:
                call.task.cancel("Task cancelled, the stream went on after its end")
        self._due.update(dict.fromkeys(late, now + self._grace))
        _log("Cancelling %d stream%s not ended when told (%s).", late)
        self.tell(now)

    def tell(self, now: float) -> None:
        """Tell those that have not been told."""
        news = [call for call in self._kernel.calls if call.streaming and call not in self._due]
        for call in news:
            call.drain()
        self._due.update(dict.fromkeys(news, now + self._grace))
        _log("Ending %d stream%s (%s).", news)


def _log(text: str, calls: list[Any], kernel: Kernel | None = None) -> None:
    if calls:
        logger.info(text, len(calls), "s" * (len(calls) > 1), _named(calls, kernel))


def _named(calls: list[Any], kernel: Kernel | None) -> str:
    """Some of the calls by method and path; with the kernel, for how long the oldest of each has streamed, if known."""
    ages: dict[str, float] = {}
    for call in calls:
        name = f"{call.scope.get('method', 'WebSocket')} {log_path(call.scope)}"
        age = 0.0 if kernel is None else kernel.clock - kernel.since.get(call, kernel.clock)
        ages[name] = max(ages.get(name, 0.0), age)
    names = [f"{name} {_age(ages[name])}".rstrip() for name in sorted(ages)]
    return ", ".join(names[:NAMED]) + ", ..." * (len(names) > NAMED)


def _age(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s" if seconds >= 1 else ""
    return f"{seconds / 60:.0f} m" if seconds < 7200 else f"{seconds / 3600:.0f} h"
