"""The end of serving: connections and calls get to finish, as long as the configuration and the user allow."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from tricorn.kernel import Kernel
from tricorn.waiting import TICK, Changes

SETTLE = 1.0
"""Seconds that cancelled application calls get to answer and end before their connections are cut."""

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
    end = None if limit is None else loop.time() + limit
    try:
        # The idle connections close within this turn of the loop: nothing to tell about those.
        await asyncio.wait((drained,), timeout=TICK if limit is None else min(TICK, limit))
        if not drained.done() and not forced():
            what = "connections to close" if kernel.connections else "background tasks to complete"
            logger.info("Waiting for %s. (CTRL+C to force quit)", what)
        while not drained.done() and not forced() and (end is None or loop.time() < end):
            await changes.wait(TICK if end is None else min(TICK, max(0.0, end - loop.time())), drained)
            flush()
        if not drained.done() and not forced():
            message = "timeout graceful shutdown exceeded"
            logger.error("Cancel %s running task(s), %s", kernel.cancel(f"Task cancelled, {message}"), message)
            await asyncio.wait((drained,), timeout=SETTLE)
        if not drained.done():
            kernel.abort()
            kernel.cancel("Task cancelled, the server was forced to quit")
            await asyncio.wait((drained,), timeout=SETTLE)
    finally:
        drained.cancel()
