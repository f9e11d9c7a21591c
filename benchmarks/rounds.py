"""The order of the measurements: servers in turns within a round, every server in a fresh process each time.

A server is compared with its baseline within one round, so what changes on the machine between rounds cancels out.
Every other round runs backwards, so what changes steadily within a round does too.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from benchmarks.loads import Failed, Values
from benchmarks.loads.paced import capacity
from benchmarks.process import ServerProcess, StartFailed, free_port, make_certificate
from benchmarks.servers import ACCESS_LOG, HTTP2, TLS, Launch, Server, catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.workloads import Workload


@dataclass(frozen=True)
class Settings:
    """How long and where to measure. Times in seconds; rate in requests per second, 0 for half of the baseline's."""

    rounds: int = 5
    seconds: float = 3.0
    warmup: float = 1.0
    server_core: int = 0
    client_core: int = 1
    connections: int | None = None
    rate: float = 0.0
    access_log: tuple[bool, ...] = (False,)


@dataclass(frozen=True)
class Sample:
    """One measurement, or why there is none."""

    workload: str
    access_log: bool
    server: str
    round: int
    values: Values = field(default_factory=dict)
    error: str | None = None


class Place:
    """What a load gets to measure one server with: see `benchmarks.loads.Bench`."""

    def __init__(
        self,
        server: Server,
        workload: Workload,
        access_log: bool,
        settings: Settings,
        folder: Path,
        rates: dict[str, float],
    ) -> None:
        self.seconds, self.warmup = settings.seconds, settings.warmup
        self.connections = settings.connections
        self.log = folder / "server.log"
        self._server, self._workload, self._access_log = server, workload, access_log
        self._settings, self._folder, self._rates = settings, folder, rates

    def launch(self, workers: int = 1, all_cores: bool = False) -> ServerProcess:
        """A process that starts when its context is entered."""
        return self._process(self._server, workers, all_cores)

    @contextlib.contextmanager
    def serve(self, workers: int = 1, all_cores: bool = False) -> Iterator[ServerProcess]:
        """A process that has answered."""
        with self.launch(workers, all_cores) as process:
            process.wait_ready()
            yield process

    def rate(self) -> float:
        """Half of what the baseline serves in a closed loop, measured once per baseline and run."""
        if self._settings.rate:
            return self._settings.rate
        name = self._server.baselines[0] if self._server.baselines else self._server.name
        if name not in self._rates:
            with self._process(catalogue()[name], 1, False) as process:
                process.wait_ready()
                self._rates[name] = capacity(process.port, max(1.0, self.warmup)) / 2
        return self._rates[name]

    def _process(self, server: Server, workers: int, all_cores: bool) -> ServerProcess:
        port = free_port()
        certificate = make_certificate(self._folder) if TLS in self._workload.needs else None
        http2 = HTTP2 in self._workload.needs
        target, answer = self._workload.target, self._workload.answer
        launch = Launch(target, port, self.log, self._access_log, certificate, workers, http2, answer)
        cores = os.sched_getaffinity(os.getppid()) if all_cores else {self._settings.server_core}
        return ServerProcess(server.command(launch), port, cores, self.log, certificate is not None)


def takes(server: Server, workload: Workload, access_log: bool) -> bool:
    """Whether a server is offered a workload."""
    if "floor" in server.abilities:
        return workload.floor and not access_log
    needs = workload.needs | ({ACCESS_LOG} if access_log else set())
    return server.able(needs)


Meeting: TypeAlias = "tuple[Workload, bool, list[Server]]"
"""A workload, whether the access log is on, and the servers that take it in turns."""


def plan(servers: Sequence[Server], workloads: Sequence[Workload], settings: Settings) -> list[Meeting]:
    """Which servers meet at which workload; baselines that were not asked for are added in front."""
    found = []
    for workload in workloads:
        for access_log in settings.access_log:
            if access_log and not workload.access_log:
                continue
            taking = [server for server in servers if takes(server, workload, access_log)]
            wanted = dict.fromkeys(name for server in taking for name in server.baselines)
            baselines = [catalogue()[name] for name in wanted]
            fit = [each for each in baselines if takes(each, workload, access_log) and not each.missing()]
            together = {each.name: each for each in [*fit, *taking]}
            if taking:
                found.append((workload, access_log, list(together.values())))
    return found


def turns(meetings: Sequence[Meeting], rounds: int) -> Iterator[tuple[int, Server, Workload, bool]]:
    """Who is measured when: (round, server, workload, whether the access log is on).

    All meetings at a workload take their rounds together, and a server is measured with the log off and on one behind
    the other: so it can be compared with itself on a machine whose speed changes.
    """
    together: dict[str, list[Meeting]] = {}
    for meeting in meetings:
        together.setdefault(meeting[0].name, []).append(meeting)
    for group in together.values():
        servers = list({server.name: server for _, _, taking in group for server in taking}.values())
        for number in range(rounds):
            for server in servers if number % 2 == 0 else reversed(servers):
                for workload, access_log, taking in group:
                    if server in taking:
                        yield number, server, workload, access_log


def run(meetings: Sequence[Meeting], settings: Settings, tell: Callable[[Sample], None]) -> list[Sample]:
    """Measure everything, or until interrupted; `tell` gets every sample as it is taken."""
    samples: list[Sample] = []
    rates: dict[str, float] = {}
    cores = os.sched_getaffinity(0)
    # The clients run in this process or as its children, so they inherit its core.
    os.sched_setaffinity(0, {settings.client_core})
    try:
        with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
            for number, server, workload, access_log in turns(meetings, settings.rounds):
                place = Place(server, workload, access_log, settings, Path(name), rates)
                sample = take(place, server, workload, access_log, number)
                samples.append(sample)
                tell(sample)
    except KeyboardInterrupt:
        return samples
    finally:
        os.sched_setaffinity(0, cores)
    return samples


def take(place: Place, server: Server, workload: Workload, access_log: bool, number: int) -> Sample:
    """One measurement. A server that fails gives a sample with an error, and the run goes on."""
    try:
        values = workload.load.measure(place)
    except (Failed, StartFailed, OSError) as error:
        return Sample(workload.name, access_log, server.name, number, error=f"{type(error).__name__}: {error}")
    if access_log:
        with place.log.open("rb") as lines:
            values["log_lines"] = float(sum(1 for _ in lines))
    return Sample(workload.name, access_log, server.name, number, values)
