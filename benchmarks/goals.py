"""The goals of performance, and whether a run has met them: `python -m benchmarks goals`.

A goal compares the rates (or another value) of two servers within each round and takes the median, as the tables do.
The ratio of CPU time stands beside it: on a machine that others use it is the steadier of the two.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.report import better, value
from benchmarks.servers import catalogue
from benchmarks.workloads import WORKLOADS

if TYPE_CHECKING:
    from benchmarks.rounds import Meeting, Sample
    from benchmarks.workloads import Workload

FAST, PLAIN = "tricorn-httptools-uvloop", "uvicorn-httptools-uvloop"
COMPILED = "tricorn-compiled-uvloop"
SANSIO = "uvicorn-ws-websockets-sansio-uvloop"
FLOOR = "floor-uvloop"
PEERS = ("granian-uvloop", "hypercorn-uvloop", "gunicorn-uvloop", "daphne", "fastpysgi", "socketify")
WS_PEERS = ("granian-uvloop", "hypercorn-uvloop", "daphne", "socketify")
SIZES = ("16b", "1k", "64k")


@dataclass(frozen=True)
class Goal:
    """`server` on `workload` shall be at least `ratio` times as good as `against`.

    key: what is compared, where that is not the workload's own number. log: the access log is on for both.
    own: compare with this workload of the same server, instead of with another server; "log" stands for the same
    workload with the log off.
    """

    workload: str
    server: str
    against: str
    ratio: float
    key: str | None = None
    log: bool = False
    own: str | None = None

    @property
    def reference(self) -> tuple[str, bool]:
        """The workload on which `against` is measured, and whether its log is on."""
        return (self.workload, False) if self.own == "log" else (self.own or self.workload, self.log)

    @property
    def about(self) -> str:
        """The comparison in words."""
        log = " with the access log on" if self.log else ""
        other = self.against if self.own is None else "itself " + {"log": "without the log"}.get(self.own, self.own)
        return f"{self.workload}{log}{f' ({self.key})' if self.key else ''}: {self.server} to {other}"


def goals() -> list[Goal]:
    """All goals, those of compiled plugins only where one is installed."""
    found = [
        Goal("plain", FAST, PLAIN, 1.6),
        *(Goal("plain", FAST, peer, 1.3) for peer in ("granian-uvloop", "fastpysgi")),
        Goal("plain", "tricorn-httptools-asyncio", "uvicorn-httptools-asyncio", 1.7),
        Goal("plain", "tricorn-h11-uvloop", "uvicorn-h11-uvloop", 2.0),
        *(Goal(workload, FAST, PLAIN, 1.5) for workload in ("headers", "waits", "echo-1k")),
        Goal("plain", FAST, PLAIN, 3.5, log=True),
        Goal("plain", FAST, FAST, 0.9, log=True, own="log"),
    ]
    compiled = [COMPILED] if COMPILED in catalogue() else []
    for workload in ("get-10k", "get-1m", "echo-100k", "stream", "tls", "connections"):
        for server in (FAST, *compiled):
            found.append(Goal(workload, server, PLAIN, 1.2))
            found += [Goal(workload, server, peer, 1.0) for peer in PEERS]
    found.append(Goal("fastapi", FAST, PLAIN, 1.15))
    for server in compiled:
        found.append(Goal("plain", server, PLAIN, 2.0))
        found += [Goal("plain", server, peer, 1.3) for peer in (FAST, "granian-uvloop", "fastpysgi")]
    for workload in ("h2-1", "h2-10"):
        found += [Goal(workload, FAST, "hypercorn-uvloop", 3.0)]
        found += [Goal(workload, FAST, peer, 1.0) for peer in ("granian-uvloop", "uvicorn-zttp-uvloop")]
    found += [*_websocket(), Goal("idle", FAST, PLAIN, 1.0), Goal("startup", FAST, PLAIN, 1.0)]
    found.append(Goal("startup", "tricorn-auto", "uvicorn-auto", 1.0))
    found += [
        Goal("latency", FAST, other, 1.0, key=key) for key in ("p99_ms", "p999_ms") for other in (PLAIN, PEERS[0])
    ]
    found.append(Goal("workers-2", FAST, FAST, 1.8, own="workers-1"))
    return found


def _websocket() -> list[Goal]:
    found = []
    for deflate in ("", "-deflate"):
        for size in SIZES:
            for load in ("1", "64", "flight"):
                workload = f"ws-{load}-{size}{deflate}"
                deep = load == "flight" and not deflate
                found.append(Goal(workload, "tricorn-ws-frames-uvloop", SANSIO, 3.0 if deep and size != "64k" else 1.5))
                for ws, same in (("websockets", "websockets-sansio"), ("wsproto", "wsproto")):
                    ratio = 2.0 if deep and size == "16b" else 1.0
                    found.append(Goal(workload, f"tricorn-ws-{ws}-uvloop", f"uvicorn-ws-{same}-uvloop", ratio))
                if load != "64":
                    peers = [peer for peer in WS_PEERS if not deflate or "deflate" in catalogue()[peer].abilities]
                    found += [Goal(workload, "tricorn-ws-frames-uvloop", peer, 1.0) for peer in peers]
    return found


def on(chosen: Sequence[Workload]) -> list[Goal]:
    """The goals on these workloads."""
    names = {workload.name for workload in chosen}
    return [goal for goal in goals() if goal.workload in names]


def meetings(wanted: Sequence[Goal]) -> list[Meeting]:
    """What has to be measured to judge these goals, as far as the servers are installed."""
    places: dict[tuple[str, bool], dict[str, None]] = {}
    for goal in wanted:
        places.setdefault((goal.workload, goal.log), {}).update({goal.against: None, goal.server: None})
        if goal.own:
            workload, log = goal.reference
            places.setdefault((workload, log), {})[goal.against] = None
    found = []
    for (workload, log), names in places.items():
        if WORKLOADS[workload].floor and not log:
            names[FLOOR] = None
        servers = [catalogue()[name] for name in names]
        found.append((WORKLOADS[workload], log, [server for server in servers if not server.missing()]))
    return found


@dataclass(frozen=True)
class Verdict:
    """What a run says about a goal: the median ratio, that of CPU time where it was measured, and the rounds.

    floor: the ratio of CPU time that a constant writer on the same loop reached; nothing in Python can do more.
    """

    goal: Goal
    ratio: float
    cpu: float | None
    rounds: int
    floor: float | None = None

    @property
    def met(self) -> bool:
        """Whether the goal is met by the value that it is about."""
        return self.ratio >= self.goal.ratio


def judge(samples: Sequence[Sample], wanted: Sequence[Goal]) -> list[Verdict]:
    """The verdicts on those goals that the samples say anything about."""
    by_place: dict[tuple[str, bool, str], dict[int, Sample]] = {}
    for sample in samples:
        if not sample.error:
            by_place.setdefault((sample.workload, sample.access_log, sample.server), {})[sample.round] = sample
    verdicts = []
    for goal in wanted:
        mine = by_place.get((goal.workload, goal.log, goal.server), {})
        other = by_place.get((*goal.reference, goal.against), {})
        floor = by_place.get((*goal.reference, FLOOR), {})
        pairs = [(mine[number], other[number]) for number in sorted(mine.keys() & other.keys())]
        if not pairs:
            continue
        ratio = statistics.median(
            better(goal.workload, value(one, goal.key), value(two, goal.key)) for one, two in pairs
        )
        verdicts.append(Verdict(goal, ratio, _cpu(mine, other), len(pairs), _cpu(floor, other)))
    return verdicts


def _cpu(mine: dict[int, Sample], other: dict[int, Sample]) -> float | None:
    """How many times less CPU time one took than the other, where that was measured."""
    pairs = [(mine[number], other[number]) for number in mine.keys() & other.keys()]
    ratios = [two.values["cpu"] / one.values["cpu"] for one, two in pairs if one.values.get("cpu")]
    return statistics.median(ratios) if ratios else None


def table(verdicts: Sequence[Verdict]) -> str:
    """One line per goal, and how many are met."""
    width = max((len(verdict.goal.about) for verdict in verdicts), default=0)
    lines = [f"{'goal':{width}}  wanted   rate    cpu  floor  rounds"]
    for verdict in verdicts:
        cpu, floor = (None, None) if verdict.goal.own else (verdict.cpu, verdict.floor)
        shown = "".join("       " if ratio is None else f"{ratio:7.2f}" for ratio in (cpu, floor))
        line = f"{verdict.goal.about:{width}}  {verdict.goal.ratio:6.2f} {verdict.ratio:6.2f}{shown}"
        lines.append(f"{line}  {verdict.rounds:6}  {'met' if verdict.met else 'NOT MET'}")
    lines.append(f"{sum(verdict.met for verdict in verdicts)} of {len(verdicts)} goals are met")
    return "\n".join(lines)
