"""Closed-loop HTTP load by wrk (https://github.com/wg/wrk; the Debian and Ubuntu package is called `wrk`)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.loads import Bench, Failed, Values, per_100k
from benchmarks.process import children_cpu, cpu_seconds

if TYPE_CHECKING:
    from benchmarks.process import ServerProcess

SCRIPT = Path(__file__).resolve().parent.parent / "wrk.lua"


@dataclass(frozen=True)
class Wrk:
    """A request shape and how many connections send it.

    fields: header fields of a request, Host included. body: bytes of a request body. depth: requests written at
    once on a connection (pipelining). close: a new connection for every request. unique: no two requests have
    the same path, query or value of their second field. workers: how many processes serve;
    all_cores: they are not pinned to one core.
    """

    method: str = "GET"
    path: str = "/"
    fields: int = 1
    body: int = 0
    depth: int = 1
    connections: int = 64
    close: bool = False
    unique: bool = False
    workers: int = 1
    all_cores: bool = False

    def measure(self, bench: Bench) -> Values:
        """Requests per second and CPU seconds per 100,000 of them."""
        with bench.serve(self.workers, self.all_cores) as server:
            if bench.warmup:
                self._run(server, bench.warmup, bench.connections)
            members = server.members()
            before, own = cpu_seconds(members), children_cpu()
            began = time.perf_counter()
            report = self._run(server, bench.seconds, bench.connections)
            elapsed = time.perf_counter() - began
            cpu, client = cpu_seconds(members) - before, children_cpu() - own
            if death := server.died():
                raise Failed(death)
        return values(report, cpu, client, elapsed)

    def _run(self, server: ServerProcess, seconds: float, connections: int | None) -> dict[str, Any]:
        program = shutil.which("wrk")
        if program is None:
            raise Failed("wrk is not installed (the package of most distributions is called wrk)")
        scheme = "https" if server.tls else "http"
        # wrk takes whole seconds only.
        command = [program, "-t1", f"-c{connections or self.connections}", f"-d{max(1, round(seconds))}s"]
        command += ["--timeout", "10s", "-s", str(SCRIPT), f"{scheme}://127.0.0.1:{server.port}{self.path}"]
        answer = subprocess.run(command, env=self._environment(), capture_output=True, text=True, check=False)
        try:
            return parse(answer.stdout, answer.stderr)
        except Failed as failure:
            raise Failed(server.died() or str(failure)) from None

    def _environment(self) -> dict[str, str]:
        shape = {"METHOD": self.method, "FIELDS": self.fields, "BODY": self.body, "DEPTH": self.depth}
        shape |= {"CLOSE": int(self.close), "UNIQUE": int(self.unique)}
        return {**os.environ, **{f"BENCH_{name}": str(value) for name, value in shape.items()}}


def parse(output: str, errors: str = "") -> dict[str, Any]:
    """The report line that wrk.lua prints. Raises Failed when wrk printed none."""
    for line in output.splitlines():
        if line.startswith("REPORT "):
            report: dict[str, Any] = json.loads(line.removeprefix("REPORT "))
            return report
    raise Failed(f"wrk gave no report: {(errors or output).strip().splitlines()[-1:]}")


def values(report: dict[str, Any], cpu: float, client: float, elapsed: float) -> Values:
    """The numbers of one run of wrk. Raises Failed when no request was answered."""
    count = report["requests"]
    if not count:
        raise Failed("no request was answered")
    return {
        "rate": count / report["seconds"],
        "cpu": per_100k(cpu, count),
        "server_busy": cpu / elapsed,
        "client_busy": client / elapsed,
        "bytes_per_request": report["bytes"] / count,
        "errors": float(report["errors"]),
        "requests": float(count),
        **{name: float(report[name]) for name in ("p50_ms", "p99_ms", "p999_ms", "max_ms")},
    }
