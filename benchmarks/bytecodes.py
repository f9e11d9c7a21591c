"""Bytecodes per request, by the package whose code they are: what a server has Python do, whatever the machine.

A request is served in memory, on one connection, while every bytecode is traced. What is written in C has none. On
Python 3.11 and later some of them do more than they did before: compare counts of one version of Python only.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from benchmarks import engines
from benchmarks.instructions import SHAPES, Echo, Shape, fits

WARM_UP = 64
"""Requests that are served before, uncounted: caches are filled then."""

NO_SERVER = {"apps", "bytecodes", "memory", "memory_websocket"}
"""The application and the client."""

LIBRARY = Path(asyncio.__file__).parent.parent


def package(code: CodeType) -> str:
    """Whose code it is: the name of a distribution's package, `python` for the standard library, or a module here."""
    path = Path(code.co_filename)
    if "site-packages" in path.parts:
        return path.parts[path.parts.index("site-packages") + 1]
    if path.is_relative_to(LIBRARY):
        return "python"
    if path.parent == Path(__file__).parent:
        return path.stem
    return next((part for part in path.parts if part.startswith("tricorn")), path.name)


class Tracer:
    """Counts the bytecodes of each function, by its code, while it is installed."""

    def __init__(self) -> None:
        self.counts: Counter[CodeType] = Counter()

    def __call__(self, frame: FrameType, event: str, _: object) -> Any:
        """What `sys.settrace` takes."""
        if event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        elif event == "opcode":
            self.counts[frame.f_code] += 1
        return self


def count(engine: engines.Engine, shape: Shape | Echo, requests: int, loop: str) -> Counter[CodeType]:
    """All bytecodes of so many requests. Raises RuntimeError when the server does not answer them."""
    tracer = Tracer()

    async def drive() -> None:
        client = shape.client(engine, 1)
        await client.run(WARM_UP)
        sys._getframe().f_trace_opcodes = True  # Python 3.12 looks at this when tracing begins
        sys.settrace(tracer)
        try:
            await client.run(requests)
        finally:
            sys.settrace(None)

    running = import_module("uvloop").new_event_loop() if loop == "uvloop" else asyncio.new_event_loop()
    try:
        running.run_until_complete(drive())
    finally:
        running.close()
    return tracer.counts


def by_package(counts: Counter[CodeType], requests: int) -> dict[str, float]:
    """Bytecodes per request, those of the client and the application left out."""
    found: Counter[str] = Counter()
    for code, number in counts.items():
        found[package(code)] += number
    return {name: number / requests for name, number in found.most_common() if name not in NO_SERVER}


def main(arguments: list[str]) -> int:
    """`python -m benchmarks bytecodes`: a line per engine and shape, or with `--functions` one per function."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks bytecodes", description=__doc__)
    parser.add_argument("engines", nargs="+", metavar="ENGINE", help=f"of {', '.join(engines.names())}")
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=["plain", "ws-16b-x16"])
    parser.add_argument("--loop", choices=["uvloop", "asyncio"], default="uvloop")
    parser.add_argument("--requests", type=int, default=320)
    parser.add_argument("--functions", type=int, default=0, metavar="N", help="the N functions that have most")
    options = parser.parse_args(arguments)
    for name in options.engines:
        for shape in (shape for shape in options.shapes if fits(name, shape)):
            # In a child: what is still open when it is done goes away with it.
            child = os.fork()
            if not child:
                os._exit(show(name, shape, options))
            if os.waitpid(child, 0)[1]:
                return 1
    return 0


def show(name: str, shape: str, options: argparse.Namespace) -> int:
    """Count one engine's bytecodes and print them; returns the exit status."""
    requests = options.requests
    try:
        counts = count(engines.build(name), SHAPES[shape], requests, options.loop)
    except (ImportError, RuntimeError, ValueError) as error:
        print(f"error: {name}: {error}", file=sys.stderr, flush=True)
        return 1
    parts = by_package(counts, requests)
    shown = ", ".join(f"{part} {number:,.0f}" for part, number in parts.items() if number >= 0.5)
    print(f"{name + ', ' + shape:40}{sum(parts.values()):8,.0f}  ({shown})")
    for code, number in counts.most_common(options.functions):
        name_of_code = getattr(code, "co_qualname", code.co_name)  # from Python 3.11 on
        print(f"{number / requests:14,.1f}  {package(code)}: {name_of_code}")
    sys.stdout.flush()
    return 0
