"""The loop of the standard library passes what the kernel asks of every loop."""

from __future__ import annotations

from tricorn.testing.loop import LoopSuite


class TestAsyncio(LoopSuite):
    plugin = "loop", "asyncio"
