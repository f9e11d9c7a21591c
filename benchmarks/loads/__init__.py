"""What a client does to a server while it is measured: one module per kind of load.

A load is an object with `measure(bench) -> Values`. It starts the server through `bench.serve()`, warms it up, puts
its load on it and returns named numbers, among them the one that its workload is ranked by.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from benchmarks.process import ServerProcess

Values = dict[str, float]


class Failed(Exception):
    """A load could not be put on this server; the message is one line and goes into the results."""


class Bench(Protocol):
    """What a load gets from the harness.

    seconds, warmup: how long to measure and to warm up. rate: the request rate of fixed-rate loads, in 1/s.
    connections: overrides the number of connections of a load where it is not None.
    """

    seconds: float
    warmup: float
    connections: int | None

    def serve(self, workers: int = 1, all_cores: bool = False) -> AbstractContextManager[ServerProcess]:
        """Start the server, on its own core or on all; it has answered once when the context is entered."""
        ...

    def launch(self) -> AbstractContextManager[ServerProcess]:
        """Start the server without waiting for it."""
        ...

    def rate(self) -> float:
        """The request rate that fixed-rate loads use for this server and its peers."""
        ...


class Load(Protocol):
    """One kind of load with its parameters."""

    def measure(self, bench: Bench) -> Values:
        """Run once. Raises Failed when the server does not do what the load needs."""
        ...


def per_100k(cpu: float, count: float) -> float:
    """CPU seconds per 100,000 operations; not a number when nothing was counted."""
    return cpu / count * 100_000 if count else float("nan")
