"""CPU microseconds per request in memory: half an engine's cost without the system's share, and steadier than a rate.

Every engine serves the same requests in forked children, in turns, so that what the machine does meanwhile meets all of
them. The least of the rounds is what others disturbed least; the median is beside it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from importlib import import_module

from benchmarks import engines
from benchmarks.instructions import SHAPES, Echo, Shape, fits, serve


def measure(engine: engines.Engine, shape: Shape | Echo, requests: int, connections: int, loop: str) -> float:
    """Microseconds per request, of a child of this process. Raises RuntimeError when it fails."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        began = time.process_time()
        serve(engine, shape, requests, connections, loop)
        os.write(writing, str(time.process_time() - began).encode())
        os._exit(0)
    os.close(writing)
    with open(reading) as answer:
        text = answer.read()
    _, status = os.waitpid(child, 0)
    if status or not text:
        raise RuntimeError(f"{shape.name} was not served")
    return float(text) / requests * 1e6


def main(arguments: list[str]) -> int:
    """`python -m benchmarks microseconds`: a table for each shape, one line per engine."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks microseconds", description=__doc__)
    parser.add_argument("engines", nargs="+", metavar="ENGINE", help=f"of {', '.join(engines.names())}")
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=["plain"])
    parser.add_argument("--loop", choices=["uvloop", "asyncio"], default="uvloop")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--requests", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    if options.loop == "uvloop":
        import_module("uvloop")  # once, for all children
    try:
        built = {name: engines.build(name) for name in options.engines}
        for shape in options.shapes:
            names = [name for name in built if fits(name, shape)]
            times: dict[str, list[float]] = {name: [] for name in names}
            for number in range(options.rounds):
                for name in names if number % 2 else reversed(names):
                    found = measure(built[name], SHAPES[shape], options.requests, options.connections, options.loop)
                    times[name].append(found)
            print(f"{'microseconds per request, ' + shape:40}{'least':>10}{'median':>10}")
            for name in names:
                print(f"{name:40}{min(times[name]):10.2f}{statistics.median(times[name]):10.2f}", flush=True)
    except (ImportError, RuntimeError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
