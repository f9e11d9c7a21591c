"""The workloads: an application, a load on it, and the number that servers are ranked by."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from benchmarks.apps import HELLO
from benchmarks.loads.h2load import H2load
from benchmarks.loads.idle import Idle
from benchmarks.loads.paced import Paced
from benchmarks.loads.startup import Startup
from benchmarks.loads.websocket import WebSocket
from benchmarks.loads.wrk import Wrk
from benchmarks.servers import DEFLATE, HTTP, HTTP2, TLS, WORKERS, WS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.loads import Load


@dataclass(frozen=True)
class Workload:
    """One line of the results.

    app: an attribute of `benchmarks.apps`, or `module:attribute`. needs: the abilities a server must have.
    metric: which value ranks the servers; more: whether a larger one is better. floor: whether the constant
    writer of `benchmarks.floor` can take part, for which answer is the size of the body that the application sends.
    access_log: whether it makes sense with the access log on.
    """

    name: str
    app: str
    load: Load
    about: str
    needs: frozenset[str] = frozenset({HTTP})
    metric: str = "rate"
    unit: str = "1/s"
    more: bool = True
    floor: bool = False
    answer: int = len(HELLO)
    access_log: bool = True

    @property
    def target(self) -> str:
        """The application as a server's command line takes it."""
        return self.app if ":" in self.app else f"benchmarks.apps:{self.app}"


def _http() -> list[Workload]:
    tls, workers = frozenset({HTTP, TLS}), frozenset({HTTP, WORKERS})
    return [
        Workload("plain", "plain", Wrk(), "small GET, 64 kept-alive connections", floor=True),
        Workload("headers", "plain", Wrk(fields=12), "small GET with 12 header fields", floor=True),
        Workload("unique", "plain", Wrk(unique=True), "small GET, path, query and a field different in every one"),
        Workload("waits", "waits", Wrk(), "an application that awaits asyncio.sleep(0)"),
        Workload("one", "plain", Wrk(connections=1), "small GET on one connection", floor=True),
        Workload("get-10k", "bytes_10k", Wrk(), "response of 10 KiB", floor=True, answer=10_240),
        Workload(
            "get-1m", "bytes_1m", Wrk(connections=16), "response of 1 MiB, 16 connections", floor=True, answer=1_048_576
        ),
        Workload("echo-1k", "echo", Wrk("POST", body=1024), "POST of 1 KiB, sent back", floor=True, answer=1024),
        Workload(
            "echo-100k",
            "echo",
            Wrk("POST", body=102_400, connections=16),
            "POST of 100 KiB, sent back, 16 connections",
            floor=True,
            answer=102_400,
        ),
        Workload("stream", "stream", Wrk(), "streamed response of 64 chunks of 1 KiB"),
        Workload("pipelined", "plain", Wrk(depth=16), "16 requests written at once", floor=True),
        Workload("connections", "plain", Wrk(close=True), "a new connection for every request", floor=True),
        Workload("tls", "plain", Wrk(), "small GET over TLS", tls, floor=True),
        Workload("fastapi", "benchmarks.apps_fastapi:app", Wrk(path="/items/42?q=abc"), "FastAPI JSON endpoint"),
        Workload(
            "workers-1", "busy", Wrk(all_cores=True), "an application that computes, one worker on two cores", workers
        ),
        Workload(
            "workers-2", "busy", Wrk(workers=2, all_cores=True), "the same with two workers on two cores", workers
        ),
    ]


def _http2() -> list[Workload]:
    loads = {number: H2load(number) for number in (1, 10)}
    return [
        Workload(f"h2-{number}", "plain", load, f"HTTP/2, small GET, {number} x {load.streams} streams",
                 frozenset({HTTP2}), access_log=False)
        for number, load in loads.items()
    ]  # fmt: skip


def _websocket() -> list[Workload]:
    found = []
    for deflate in (False, True):
        suffix, needs = ("-deflate", frozenset({WS, DEFLATE})) if deflate else ("", frozenset({WS}))
        for label, size in (("16b", 16), ("1k", 1024), ("64k", 65_536)):
            one, many = WebSocket(size, 1, 1, deflate), WebSocket(size, 64, 1, deflate)
            deep = WebSocket(size, 64, 2 if size > 4096 else 16, deflate)
            extra = " compressed" if deflate else ""
            loads = [
                ("1", one, "one connection, ping-pong"),
                ("64", many, "64 connections, one message in flight each"),
            ]
            loads.append(("flight", deep, f"64 connections, {deep.in_flight} messages in flight each"))
            for name, load, about in loads:
                about = f"WebSocket echo of {size} B{extra}: {about}"
                name = f"ws-{name}-{label}{suffix}"
                found.append(Workload(name, "ws_echo", load, about, needs, floor=not deflate, access_log=False))
    return found


def _others() -> list[Workload]:
    return [
        Workload("latency", "plain", Paced(), "latency at half of the baseline's rate", metric="p99_ms", unit="ms",
                 more=False),
        Workload("idle", "plain", Idle(10_000), "memory of 10,000 idle connections", metric="mb", unit="MB", more=False,
                 access_log=False),
        Workload("startup", "plain", Startup(), "start of the process to the first answer", metric="ms", unit="ms",
                 more=False, access_log=False),
    ]  # fmt: skip


WORKLOADS = {workload.name: workload for workload in [*_http(), *_http2(), *_websocket(), *_others()]}


def select(patterns: Iterable[str]) -> list[Workload]:
    """The workloads that match any of the shell patterns. Raises ValueError for one that matches none."""
    chosen: dict[str, Workload] = {}
    for pattern in patterns:
        names = [name for name in WORKLOADS if fnmatch(name, pattern)]
        if not names:
            raise ValueError(f"no workload is called {pattern!r}; `python -m benchmarks list` names them")
        chosen.update((name, WORKLOADS[name]) for name in names)
    return list(chosen.values())
