"""Names the request and the line of code that block the event loop of the tricorn server.

A thread looks ten times a second at the clock that the event loop keeps. When that stands still for longer than
allowed, the stack of the loop's thread shows where it is, and the running task which request it serves.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from tricorn.api import Option, Scope, hookimpl
from tricorn.stacks import place_of

tricorn_api = 1

LOOK = 0.1
"""Seconds between two looks at the clock."""

logger = logging.getLogger("tricorn.error")


class Watchdog:
    """The observer of one server, and the thread that watches its event loop.

    seconds: how long the loop may stand still.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._requests: WeakKeyDictionary[asyncio.Task[Any], str] = WeakKeyDictionary()
        self._stop = threading.Event()

    def request(self, scope: Scope) -> None:
        """Note which task serves which request."""
        task = asyncio.current_task()
        if task is not None:
            self._requests[task] = f"{scope.get('method', 'WebSocket')} {scope['path']}"

    def start(self, kernel: Any) -> None:
        """Watch from now on. Called in the loop."""
        arguments = kernel, asyncio.get_running_loop(), threading.get_ident()
        threading.Thread(target=self._watch, args=arguments, name="tricorn-blocked", daemon=True).start()

    def stop(self) -> None:
        """Watch no more."""
        self._stop.set()

    def _watch(self, kernel: Any, loop: asyncio.AbstractEventLoop, thread: int) -> None:
        told = 0.0
        while not self._stop.wait(LOOK):
            clock = kernel.clock
            still = time.monotonic() - clock
            if still > self.seconds and not told:
                told = clock
                logger.warning(
                    "Event loop blocked for %.1f s by %s in %s", still, self._culprit(loop), place_of(thread)
                )
            elif told and clock > told:
                logger.warning("Event loop runs again, after %.1f s.", clock - told)
                told = 0.0

    def _culprit(self, loop: asyncio.AbstractEventLoop) -> str:
        task = asyncio.current_task(loop)
        if task is None:
            return "a callback"
        request = self._requests.get(task)
        return request or f"the task {getattr(task.get_coro(), '__qualname__', task.get_name())}"


_watchdogs: WeakKeyDictionary[Any, Watchdog] = WeakKeyDictionary()
"""By configuration, which is what the hooks of one server have in common."""


@hookimpl
def tricorn_options() -> Sequence[Option]:
    """How long is too long."""
    return [Option("blocked_after", "Seconds for which the event loop may stand still untold.", float, 0.5)]


@hookimpl
def tricorn_observer(settings: Any) -> Watchdog:
    """The plugin `blocked`."""
    return _watchdogs.setdefault(settings, Watchdog(settings.blocked_after))


@hookimpl
def tricorn_started(kernel: Any) -> None:
    """The clock runs."""
    _watchdogs[kernel.settings].start(kernel)


@hookimpl
def tricorn_stopping(kernel: Any) -> None:
    """What a shutdown does is nobody's request."""
    _watchdogs[kernel.settings].stop()
