"""User instructions per request, counted by callgrind: repeatable where timings drown in noise.

Every engine is imported once under valgrind; then, for each shape of request, two forked children serve a different
number of requests in memory. The difference of their counts, divided by the difference of the numbers, has neither the
start-up nor the first, colder requests in it. Needs `valgrind` (the package of most distributions has this name).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks import apps, engines
from benchmarks.memory import ConnectionClient, MemoryClient
from benchmarks.memory_websocket import WebSocketClient
from benchmarks.process import ROOT

HEADERS = (
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n"
    b"Accept-Encoding: gzip, deflate, br, zstd\r\nCookie: session=abcdef0123456789; theme=dark\r\n"
    b"Upgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: none\r\n"
    b"Cache-Control: max-age=0\r\nX-Request-Id: 7d0f9c1e-3b0e-4a55-9d53-0c8f5a0e9d11\r\n"
)


UNIQUE = b"GET /items/%d?page=%d HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-Id: %d\r\n\r\n"
"""The request of the workload `unique`."""


@dataclass(frozen=True)
class Shape:
    """A request, how many of it are delivered at once, and the application that answers.

    closed: each request has a connection of its own, which is closed behind the answer.
    """

    name: str
    app: Any
    request: bytes
    depth: int = 1
    closed: bool = False

    websocket = compressed = False

    def client(self, engine: engines.Engine, connections: int) -> MemoryClient:
        """What sends the requests."""
        kind = ConnectionClient if self.closed else MemoryClient
        client = kind(engine(self.app), self.request, self.depth, connections)
        if self.request is UNIQUE:
            client.vary(UNIQUE.count(b"%d"))
        return client


@dataclass(frozen=True)
class Echo:
    """Text messages of a WebSocket of `size` bytes, how many of them are delivered at once."""

    name: str
    size: int
    depth: int = 1
    compressed: bool = False

    websocket, closed = True, False

    def client(self, engine: engines.Engine, connections: int) -> MemoryClient:
        """What sends the messages."""
        return WebSocketClient(engine(apps.ws_echo), self.size, self.depth, connections, self.compressed)


def _request(method: bytes = b"GET", fields: bytes = b"", body: bytes = b"") -> bytes:
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return method + b" / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n" + fields + length + b"\r\n" + body


SHAPES: dict[str, Shape | Echo] = {
    shape.name: shape
    for shape in (
        Shape("plain", apps.plain, _request()),
        Shape("unique", apps.plain, UNIQUE),
        Shape("headers", apps.plain, _request(fields=HEADERS)),
        Shape("waits", apps.waits, _request()),
        Shape("pipelined", apps.plain, _request(), 16),
        Shape("connections", apps.plain, _request(fields=b"Connection: close\r\n"), closed=True),
        Shape("echo-1k", apps.echo, _request(b"POST", body=b"b" * 1024)),
        Echo("ws-16b", 16),
        Echo("ws-16b-x16", 16, 16),
        Echo("ws-1k", 1024),
        Echo("ws-64k", 65_536),
        Echo("ws-64k-x2", 65_536, 2),
        Echo("ws-1k-deflate", 1024, compressed=True),
    )
}


def serve(engine: engines.Engine, shape: Shape | Echo, count: int, connections: int, loop: str) -> None:
    """Serve `count` requests in memory, in a new loop. Raises RuntimeError when the server does not answer them."""

    async def drive() -> None:
        client = shape.client(engine, connections)
        gc.collect()
        gc.freeze()
        await client.run(count)

    factory = import_module("uvloop").new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    running = factory()
    asyncio.set_event_loop(running)
    try:
        running.run_until_complete(drive())
    finally:
        asyncio.set_event_loop(None)
        running.close()


def inside(job: dict[str, Any]) -> None:
    """What runs under valgrind: one line of JSON per child, with its process number."""
    engine = engines.build(job["engine"])
    if job["loop"] == "uvloop":
        import_module("uvloop")
    for name in job["shapes"]:
        for count in job["counts"]:
            child = os.fork()
            if not child:
                serve(engine, SHAPES[name], count, job["connections"], job["loop"])
                os._exit(0)
            _, status = os.waitpid(child, 0)
            print(json.dumps({"shape": name, "count": count, "pid": child, "status": status}), flush=True)


def fits(engine: str, shape: str) -> bool:
    """Whether an engine can serve a shape."""
    served = SHAPES[shape]
    return engines.takes(engine, served.websocket, served.compressed, served.closed)


def measure(
    engine: str, shapes: list[str], counts: tuple[int, int], connections: int, loop: str, keep: Path
) -> dict[str, float]:
    """Instructions per request of one engine, by shape; the profiles stay in `keep`.

    Raises RuntimeError when valgrind or the engine fails.
    """
    job = {"engine": engine, "shapes": shapes, "counts": counts, "connections": connections, "loop": loop}
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={keep}/%p.out", "--quiet", sys.executable]
    command += ["-m", "benchmarks.instructions", "--inside", json.dumps(job)]
    # Names are hashed differently in every process, and with them the work of every dict.
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise RuntimeError(f"{engine}: {(answer.stderr.strip().splitlines() or ['valgrind failed'])[-1]}")
    totals: dict[tuple[str, int], int] = {}
    for line in answer.stdout.splitlines():
        child = json.loads(line)
        if child["status"]:
            raise RuntimeError(f"{engine}, {child['shape']}: {(answer.stderr.strip().splitlines() or ['failed'])[-1]}")
        profile = keep / f"{child['pid']}.out"
        totals[child["shape"], child["count"]] = instructions(profile.read_text())
        profile.rename(keep / f"{engine}-{loop}-{child['shape']}-{child['count']}.out")
    few, many = counts
    return {shape: (totals[shape, many] - totals[shape, few]) / (many - few) for shape in shapes}


def instructions(profile: str) -> int:
    """The number of instructions in a callgrind profile. Raises ValueError when it has none."""
    for line in reversed(profile.splitlines()):
        if line.startswith(("totals:", "summary:")):
            return int(line.split()[1])
    raise ValueError("the profile has no totals")


def main(arguments: list[str]) -> int:
    """`python -m benchmarks instructions`: a table, one line per engine."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks instructions", description=__doc__)
    parser.add_argument("engines", nargs="*", metavar="ENGINE", help=f"default: all of {', '.join(engines.names())}")
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--loop", choices=["uvloop", "asyncio"], default="uvloop")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--counts", type=int, nargs=2, default=(640, 1920), metavar=("FEW", "MANY"))
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the profiles, for callgrind_annotate")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    if shutil.which("valgrind") is None:
        print(
            "error: valgrind is not installed (the package of most distributions is called valgrind)", file=sys.stderr
        )
        return 2
    chosen = options.engines or engines.names()
    shapes = [shape for shape in options.shapes if any(fits(engine, shape) for engine in chosen)]
    print(f"{'instructions per request, ' + options.loop:32}" + "".join(f"{shape:>14}" for shape in shapes))
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="instructions-") as folder:
        keep: Path = options.keep or Path(folder)
        keep.mkdir(parents=True, exist_ok=True)
        for engine in chosen:
            own = [shape for shape in shapes if fits(engine, shape)]
            try:
                found = measure(engine, own, tuple(options.counts), options.connections, options.loop, keep)
            except RuntimeError as error:
                print(f"error: {error}", file=sys.stderr)
                return 1
            results[engine] = found
            cells = (f"{found[shape]:14,.0f}" if shape in found else f"{'-':>14}" for shape in shapes)
            print(f"{engine:32}" + "".join(cells), flush=True)
    if options.json:
        content = {"loop": options.loop, "connections": options.connections, "instructions": results}
        options.json.write_text(json.dumps(content, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        inside(json.loads(sys.argv[2]))
    else:
        sys.exit(main(sys.argv[1:]))
