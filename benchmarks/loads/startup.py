"""From the start of a server's process to its first answer."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from benchmarks.loads import Bench, Values
from benchmarks.process import cpu_seconds


@dataclass(frozen=True)
class Startup:
    """`starts` processes one after the other; their median counts."""

    starts: int = 5

    def measure(self, bench: Bench) -> Values:
        """Milliseconds of wall clock until a GET was answered, and of CPU until then (in ticks of 10 ms)."""
        walls, cpus = [], []
        for _ in range(self.starts):
            with bench.launch() as server:
                walls.append(server.wait_ready() * 1e3)
                cpus.append(cpu_seconds(server.members()) * 1e3)
        return {"ms": statistics.median(walls), "cpu_ms": statistics.mean(cpus)}
