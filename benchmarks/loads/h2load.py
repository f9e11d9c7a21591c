"""Closed-loop HTTP/2 load by h2load (of nghttp2; the Debian and Ubuntu package is called `nghttp2-client`)."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from dataclasses import dataclass

from benchmarks.loads import Bench, Failed, Values, per_100k
from benchmarks.process import children_cpu, cpu_seconds

REPORT = re.compile(
    r"finished in (?P<time>[\d.]+)(?P<unit>ms|s|us), (?P<rate>[\d.]+) req/s.*"
    r"requests: .* (?P<done>\d+) succeeded, (?P<failed>\d+) failed",
    re.DOTALL,
)


@dataclass(frozen=True)
class H2load:
    """GET on `connections`, each with as many streams in flight, in clear text with prior knowledge."""

    connections: int
    streams: int = 32

    def measure(self, bench: Bench) -> Values:
        """Requests per second and CPU seconds per 100,000 of them."""
        with bench.serve() as server:
            if bench.warmup:
                self._run(server.port, bench.warmup)
            members = server.members()
            before, own, began = cpu_seconds(members), children_cpu(), time.perf_counter()
            found = self._run(server.port, bench.seconds)
            elapsed = time.perf_counter() - began
            cpu, client = cpu_seconds(members) - before, children_cpu() - own
            if death := server.died():
                raise Failed(death)
        count = found["requests"]
        busy = {"cpu": per_100k(cpu, int(count)), "server_busy": cpu / elapsed, "client_busy": client / elapsed}
        return {**found, **busy}

    def _run(self, port: int, seconds: float) -> Values:
        program = shutil.which("h2load")
        if program is None:
            raise Failed("h2load is not installed (the package of most distributions is called nghttp2-client)")
        # h2load takes whole seconds only.
        command = [program, f"-D{max(1, round(seconds))}", f"-c{self.connections}", f"-m{self.streams}", "-t1"]
        url = f"http://127.0.0.1:{port}/"
        return parse(subprocess.run([*command, url], capture_output=True, text=True, check=False).stdout)


def parse(output: str) -> Values:
    """The numbers of h2load's report. Raises Failed when nothing was answered."""
    match = REPORT.search(output)
    if match is None or not int(match["done"]):
        raise Failed(f"h2load was answered nothing: {output.strip().splitlines()[-1:]}")
    return {"rate": float(match["rate"]), "requests": float(match["done"]), "errors": float(match["failed"])}
