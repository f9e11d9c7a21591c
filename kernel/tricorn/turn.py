"""The end of a turn of the loop: what waits for it leaves then, by one callback for all of a kernel's connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tricorn.exchange import Exchange

__all__ = ["Turn"]


class Turn:
    """What waits for the end of this turn: when all that is ready in it has run."""

    __slots__ = ("_flushes", "_held", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._held: list[Exchange] = []
        self._flushes: list[Callable[[], None]] = []

    def hold(self, exchange: Exchange) -> None:
        """Call `exchange.flush` then, before everything else."""
        held = self._held
        if not held:
            self._loop.call_soon(self._end)
        held.append(exchange)

    def at_end(self, flush: Callable[[], None]) -> None:
        """Call `flush` then (`tricorn.api.Kernel.at_turn_end`)."""
        if not self._flushes:
            self._loop.call_soon(self._end)
        self._flushes.append(flush)

    def _end(self) -> None:
        held, self._held = self._held, []
        for exchange in held:
            exchange.flush()
        flushes, self._flushes = self._flushes, []
        for flush in flushes:
            flush()
