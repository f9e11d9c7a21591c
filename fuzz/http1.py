"""Fuzz HTTP/1 through one codec, guided by coverage: `python fuzz/http1.py httptools -max_total_time=60`.

What the codec and the connection make of an input, cut into segments, has to be what the kernel's own strict reader
makes of the whole; any difference, any exception and any answer that no server may send ends the run with the input
that caused it. Needs `pip install atheris`. The arguments behind the codec's name are libFuzzer's; without a corpus
among them the requests of the conformance suite are the beginning.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

INSTRUMENTED = ["tricorn", "tricorn_http_h11", "tricorn_http_httptools", "h11"]

with atheris.instrument_imports(include=INSTRUMENTED):
    from tricorn.api import HttpProvider
    from tricorn.registry import Registry
    from tricorn.testing.http1_bodies import BAD_BODIES, GOOD_BODIES
    from tricorn.testing.http1_cases import BAD_REQUESTS, ODD_REQUESTS
    from tricorn.testing.replay import replay
    from tricorn.testing.strict import STRICT

CHUNKED = b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
SMALL = 1000
"""Bytes of a seed: what is larger is about limits, where segments may legally differ in the status."""


def check(provider: HttpProvider, data: bytes) -> None:
    """Compare; the first byte of the input says how long the segments are."""
    size, data = 1 + (data[0] if data else 0), data[1:]
    segments = [data[start : start + size] for start in range(0, len(data), size)]
    assert replay(provider, segments) == replay(STRICT, [data])


def seeds(folder: Path) -> None:
    """Write the requests of the conformance suite."""
    requests = [request for request, *_ in (*ODD_REQUESTS.values(), *BAD_REQUESTS.values())]
    requests += [CHUNKED + body for body, _ in (*GOOD_BODIES.values(), *BAD_BODIES.values())]
    for number, request in enumerate(request for request in requests if len(request) < SMALL):
        (folder / f"{number:03}").write_bytes(bytes((number % 50,)) + request)


def main() -> None:
    """Run libFuzzer until it finds something or its limits are reached."""
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(f"usage: {sys.argv[0]} CODEC [libFuzzer's arguments]")
    name, *arguments = sys.argv[1:]
    with atheris.instrument_imports(include=INSTRUMENTED):  # only now the plugin is imported
        provider = Registry().load("http", name).provider
    with tempfile.TemporaryDirectory() as folder:
        seeds(Path(folder))
        corpus = [argument for argument in arguments if not argument.startswith("-")]
        options = [sys.argv[0], f"-max_len={2 * SMALL}", *arguments, *([] if corpus else [folder])]
        atheris.Setup(options, lambda data: check(provider, data))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
