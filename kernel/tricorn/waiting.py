"""Waiting in the serving loop for what may be said from anywhere: by a signal handler, another thread, the loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

TICK = 0.1
"""Seconds between two looks at what may end the server, and the longest that an access line waits."""


class Changes:
    """Wakes whoever waits in the loop that it is attached to; anything may have changed."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event: asyncio.Event | None = None

    def attach(self) -> None:
        """Belong to the running loop from now on."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            self._event = asyncio.Event()

    def tell(self) -> None:
        """Wake who waits; from any thread, and harmless when nobody does."""
        if self._loop is not None and self._event is not None:
            # The loop of a server that has ended may be closed.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self, timeout: float, *others: asyncio.Future[Any]) -> None:
        """Return when something was told, one of the others is done, or after `timeout` seconds."""
        self.attach()
        assert self._event is not None
        self._event.clear()
        waiter = asyncio.ensure_future(self._event.wait())
        try:
            await asyncio.wait((waiter, *others), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiter.cancel()

    async def unless(self, stop: Callable[[], bool], work: Coroutine[Any, Any, None], settle: float | None) -> bool:
        """Run some work, but cancel it as soon as `stop()`; whether it ran to its end.

        settle: seconds that the cancelled work may take to end; None waits for it.
        """
        task = asyncio.ensure_future(work)
        try:
            while not task.done() and not stop():
                await self.wait(TICK, task)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait((task,), timeout=settle)
        if not task.done() or task.cancelled():
            return False
        task.result()
        return True
