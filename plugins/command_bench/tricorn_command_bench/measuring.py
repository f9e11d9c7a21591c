"""One measurement: clients that ask one server for some seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from tricorn_command_bench.clients import Client, HttpClient, WsClient
from tricorn_command_bench.load import Load, Tally
from tricorn_command_bench.serving import Served

LOOK = 0.2
"""Seconds between two looks at the server's memory, and between two pictures of the progress."""

PAUSE = 0.05
"""Seconds before the next attempt of a client that got no connection."""

BUSY = 0.9
"""The share of a processor from which on a process is at its limit."""


class NoAnswers(Exception):
    """Nothing came back as it should: one line that says what did."""


@dataclass(frozen=True)
class Sample:
    """What one measurement found.

    answers: those that were as they should be. p50, p99: seconds. cpu: seconds of the server. memory: bytes, the most
    that was seen. client: the share of a processor that the clients used. failures: what came instead, how often.
    """

    answers: int
    seconds: float
    p50: float
    p99: float
    cpu: float
    memory: int
    client: float
    failures: dict[str, int]

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answers / self.seconds

    @property
    def cpu_per_100k(self) -> float:
        """Seconds of the server's processor time for 100,000 answers."""
        return self.cpu * 100_000 / self.answers

    @property
    def client_limited(self) -> bool:
        """Whether the clients were at their limit before the server was: the rate is then theirs."""
        return self.client > BUSY and self.cpu / self.seconds < BUSY


async def measure(served: Served, load: Load, look: Callable[[], None]) -> Sample:
    """Ask a server; `look` is called now and then. Raises NoAnswers and ServerEnded."""
    tally = Tally()
    kind = HttpClient if load.ws_path is None else WsClient
    clients = [asyncio.create_task(_ask(kind, served.port, load, tally)) for _ in range(load.connections)]
    try:
        await asyncio.sleep(load.warm_up)
        served.memory()  # a server that has ended says why, which is more than that nothing came
        if tally.only_failures():
            raise NoAnswers(_what_came(tally))
        return await _count(served, load, tally, look)
    finally:
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)


async def _count(served: Served, load: Load, tally: Tally, look: Callable[[], None]) -> Sample:
    tally.reset()
    memory, cpu, own = served.memory(), served.cpu(), time.process_time()
    begun = time.perf_counter()
    while (left := begun + load.seconds - time.perf_counter()) > 0:
        await asyncio.sleep(min(left, LOOK))
        memory = max(memory, served.memory())
        look()
    latencies, seconds = sorted(tally.latencies), time.perf_counter() - begun
    cpu, own = served.cpu() - cpu, time.process_time() - own
    if not latencies:
        raise NoAnswers(_what_came(tally))
    return Sample(
        answers=len(latencies),
        seconds=seconds,
        p50=percentile(latencies, 0.5),
        p99=percentile(latencies, 0.99),
        cpu=cpu,
        memory=memory,
        client=own / seconds,
        failures=dict(tally.failures),
    )


def percentile(ordered: list[float], share: float) -> float:
    """The smallest value that so large a share of them does not exceed."""
    return ordered[max(0, -int(-len(ordered) * share // 1) - 1)]


def _what_came(tally: Tally) -> str:
    came = ", ".join(f"{what} ({count} times)" for what, count in tally.failures.most_common(3))
    return f"no answer was 2xx: {came}" if came else "nothing was answered in time"


async def _ask(kind: type[Client], port: int, load: Load, tally: Tally) -> None:
    """One client: connects, and again whenever its connection has ended, until it is cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        client = kind(load, port, tally)
        try:
            await loop.create_connection(lambda: client, "127.0.0.1", port)  # noqa: B023
        except OSError:
            tally.failures["no connection"] += 1
            await asyncio.sleep(PAUSE)
            continue
        try:
            await client.closed
        finally:
            client.transport.abort()
