"""How the cost of a request grows with its size and with the number of connections, in memory.

Each line grows one thing and shows CPU microseconds for each unit of it: per request for connections, per field, per
byte. A server whose cost is linear keeps that number (fixed costs make it fall); one that looks at everything again
with each new part makes it rise with the size.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any

from benchmarks import apps, engines
from benchmarks.memory import MemoryClient, MemoryTransport

REPEATS = 3
"""Measurements of each size; the least disturbed one counts."""

PIECE = 64 * 1024
"""Bytes of a body that a loop reads at once."""

CONNECTIONS = (1, 10, 100, 1_000, 10_000)
FIELDS = (1, 10, 50, 100, 200)
BODIES = (1, 1_000, 100_000, 10_000_000, 100_000_000)
SEGMENTS = (100, 1_000, 10_000, 60_000)

HEAD = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n"


async def count_body(scope: MutableMapping[str, Any], receive: Callable[[], Awaitable[Any]], send: Any) -> None:
    """Reads the whole body, keeps nothing of it, and answers."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def ask(engine: engines.Engine, app: Any, request: bytes, count: int, connections: int) -> float:
    """CPU seconds of `count` requests on `connections` connections."""
    client = MemoryClient(engine(app), request, 1, connections)
    gc.collect()
    began = time.process_time()
    await client.run(count)
    return time.process_time() - began


async def deliver(engine: engines.Engine, head: bytes, body: int, piece: int) -> float:
    """CPU seconds of one request that arrives in pieces, each in a turn of the loop."""
    connect = engine(count_body)
    client = MemoryClient(connect, b"", 1, 1)
    answered = client.expect_one()
    transport = MemoryTransport(client, 0)
    transport.open(connect())
    data, rest = bytes(piece), body
    began = time.process_time()
    for at in range(0, len(head), piece):
        transport.deliver(head[at : at + piece])
        await asyncio.sleep(0)
    while rest > 0:
        transport.deliver(data[:rest])
        rest -= piece
        await asyncio.sleep(0)
    await answered
    return time.process_time() - began


def best(measure: Callable[..., Coroutine[Any, Any, float]], *arguments: Any) -> float:
    """The least CPU time of a few measurements, each in a loop of its own."""
    return min([asyncio.run(measure(*arguments)) for _ in range(REPEATS)])


def fields(count: int) -> bytes:
    """The head of a GET with so many fields."""
    lines = b"".join(b"X-Field-%03d: value %d\r\n" % (number, number) for number in range(count - 1))
    return b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + lines + b"\r\n"


def head_of(size: int) -> bytes:
    """The head of a POST with an empty body and so many bytes, in fields of up to 1,000."""
    head, end = bytearray(HEAD), b"Content-Length: 0\r\n\r\n"
    while len(head) + len(end) < size:
        value = min(1_000, size - len(head) - len(end)) - 5
        head += b"X: " + b"v" * max(1, value) + b"\r\n"
    return bytes(head + end)


def rows(name: str, quick: bool = False) -> dict[str, list[tuple[int, float]]]:
    """For each thing that grows: its sizes, and CPU microseconds per unit. `quick` leaves the largest sizes out."""
    engine = engines.build(name)
    requests = 200 if quick else 10_000
    stop = 2 if quick else None
    fewer = requests // 10
    return {
        "request, by connections": [
            (n, best(ask, engine, apps.plain, fields(1), max(requests, n), n) / max(requests, n) * 1e6)
            for n in CONNECTIONS[:stop]
        ],
        "field, by fields": [
            (n, best(ask, engine, apps.plain, fields(n), fewer, 64) / fewer / n * 1e6) for n in FIELDS[:stop]
        ],
        "KB of body, by bytes": [
            (n, best(deliver, engine, HEAD + b"Content-Length: %d\r\n\r\n" % n, n, PIECE) / n * 1e9)
            for n in BODIES[:stop]
        ],
        "byte of head, one at a time": [
            (len(head), best(deliver, engine, head, 0, 1) / len(head) * 1e6) for head in map(head_of, SEGMENTS[:stop])
        ],
    }


def main(arguments: list[str]) -> int:
    """`python -m benchmarks growth`: one line for each thing that grows and each engine."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks growth", description=__doc__)
    parser.add_argument("engines", nargs="*", metavar="ENGINE", default=["tricorn-httptools", "uvicorn-httptools"])
    parser.add_argument("--quick", action="store_true", help="small sizes only: to see that it works")
    options = parser.parse_args(arguments)
    for name in options.engines:
        try:
            found = rows(name, options.quick)
        except ValueError as error:
            parser.error(str(error))
        print(f"{name}: CPU microseconds per")
        for label, points in found.items():
            print(f"  {label:28}" + "".join(f"  {size:>11,}: {cost:9.3f}" for size, cost in points))
    return 0
