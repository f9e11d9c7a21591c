"""The end of serving: connections and calls get to finish, as long as the configuration and the user allow.

Responses of no announced length (server-sent events, for one) may have no end. After a while their applications are
told that the client has left, upon which they stop; those that go on, because they never ask, are cancelled after the
same while. Whoever sends a length or has not begun to answer gets the whole time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from tricorn.exchange import Exchange
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
    streams = Streams(kernel, patience)
    try:
        # The idle connections close within this turn of the loop: nothing to tell about those.
        await asyncio.wait((drained,), timeout=TICK if limit is None else min(TICK, limit))
        if not drained.done() and not forced():
            what = "connections to close" if kernel.connections else "background tasks to complete"
            logger.info("Waiting for %s. (CTRL+C to force quit)", what)
        while not drained.done() and not forced() and (end is None or loop.time() < end):
            await changes.wait(TICK if end is None else min(TICK, max(0.0, end - loop.time())), drained)
            flush()
            if patience and loop.time() >= begin + patience:
                streams.end(loop.time())
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
    """The responses that may have no end, while the server ends.

    grace: seconds that an application gets to stop once it has been told.
    """

    def __init__(self, kernel: Kernel, grace: float) -> None:
        self._kernel = kernel
        self._grace = grace
        self._due: dict[Exchange, float] = {}
        self._told = False

    def end(self, now: float) -> None:
        """Tell the applications that nobody listens any more, and cancel those that were told and went on."""
        calls = [call for call in self._kernel.calls if isinstance(call, Exchange)]
        if not self._told:
            self._told = True
            _log("Waiting for %d request%s (%s).", [call for call in calls if not call.streaming])
        streams = [call for call in calls if call.streaming]
        news = [call for call in streams if call not in self._due]
        late = [call for call in streams if self._due.get(call, now) < now]
        for call in news:
            call.half_close()
        for call in late:
            if call.task is not None:
                call.task.cancel("Task cancelled, the stream went on after its end")
        self._due.update(dict.fromkeys((*news, *late), now + self._grace))
        _log("Ending %d stream%s (%s).", news)
        _log("Cancelling %d stream%s not ended when told (%s).", late)


def _log(text: str, calls: list[Exchange]) -> None:
    if calls:
        logger.info(text, len(calls), "s" * (len(calls) > 1), _named(calls))


def _named(calls: list[Exchange]) -> str:
    paths = sorted({f"{call.scope['method']} {log_path(call.scope)}" for call in calls})
    return ", ".join(paths[:NAMED]) + ", ..." * (len(paths) > NAMED)
