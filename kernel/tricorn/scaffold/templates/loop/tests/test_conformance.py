"""The plugin passes what the kernel asks of every loop."""

from __future__ import annotations

from tricorn.testing.loop import LoopSuite


class TestExample(LoopSuite):
    plugin = "loop", "example"
