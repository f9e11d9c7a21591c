"""Servers for the tests of the whole: every combination of plugins, in a thread or behind the command line."""

from __future__ import annotations

import asyncio
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.compiler import COMPILED
from tricorn.registry import Registry
from tricorn.runner import run_in_loop
from tricorn.testing import serve

ROOT = Path(__file__).parent.parent
DEADLINE = 30.0
"""Seconds after which whatever a test waits for is taken for hung; on a working server all of it takes a moment."""

HTTP = ("h11", "httptools", *(("compiled",) if COMPILED else ()))
WS = ("frames", "websockets", "wsproto")
LOOP = ("asyncio", "uvloop")
PAIRS = (("h11", "asyncio"), ("httptools", "uvloop"), *product(HTTP[2:], LOOP))
"""Enough to meet every connection on every loop: h11 and httptools only read heads for the same one."""


class Combination(NamedTuple):
    """The plugins that one server uses."""

    http: str
    ws: str
    loop: str

    @property
    def flags(self) -> list[str]:
        """How the command line says it."""
        return ["--http", self.http, "--ws", self.ws, "--loop", self.loop]


COMBINATIONS = tuple(Combination(*names) for names in product(HTTP, WS, LOOP))
ANY = Combination("httptools", "websockets", "uvloop")
"""For what no plugin has a part in."""


class ThreadServer:
    """An application served in a thread with a loop of its own, from the beginning of the block to its end.

    options: as for `tricorn.Config`. `url` has no slash at the end.
    """

    url: str

    def __init__(self, app: Any, combination: Combination = ANY, **options: Any) -> None:
        self._app = app
        self._options = {"http": combination.http, "ws": combination.ws, **options}
        self._factory = Registry().named("loop", combination.loop).provider.factory
        self._started: Future[str] = Future()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 0

    def __enter__(self) -> ThreadServer:
        self._thread.start()
        self.url = self._started.result(DEADLINE)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive(), "the server did not stop"

    def _run(self) -> None:
        try:
            run_in_loop(self._serve, self._factory)
        except BaseException as error:
            if self._started.done():
                raise
            self._started.set_exception(error)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with serve(self._app, **self._options) as url:
            self._started.set_result(url)
            await self._stop.wait()


class CommandLine:
    """A process that runs `python -m tricorn`; killed when the block ends, should it still run.

    program: what is run instead of tricorn; python: by which interpreter; cwd: where; patience: seconds until it is
    taken for hung. Standard output goes to a file, so that no access log fills a pipe.
    """

    def __init__(
        self,
        *arguments: str,
        directory: Path,
        program: Iterable[str] = ("-m", "tricorn"),
        python: str | Path = sys.executable,
        patience: float = DEADLINE,
        cwd: Path = ROOT,
        **env: str,
    ) -> None:
        self._output = (directory / "stdout").open("w+")
        self.popen = subprocess.Popen(
            [str(python), *program, *arguments],
            cwd=cwd,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **env},
            stdout=self._output,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log: list[str] = []
        self._watchdog = threading.Timer(patience, self.popen.kill)
        self._watchdog.start()

    def __enter__(self) -> CommandLine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
            self.end()
        self._watchdog.cancel()
        self._output.close()

    def wait_for(self, text: str) -> str:
        """Read the log until a line has the text; return that line."""
        assert self.popen.stderr is not None
        for line in self.popen.stderr:
            self.log.append(line.rstrip("\n"))
            if text in line:
                return self.log[-1]
        raise AssertionError(f"{text!r} never came; the log was:\n" + "\n".join(self.log))

    @property
    def url(self) -> str:
        """Where it serves; waits until it does."""
        match = re.search(r"https?://\S+", self.wait_for(" running on "))
        assert match is not None
        return match[0]

    def end(self, number: signal.Signals | None = None) -> int:
        """Send a signal, if any, and wait for the process; return its exit status."""
        if number is not None:
            self.popen.send_signal(number)
        assert self.popen.stderr is not None
        self.log += self.popen.stderr.read().splitlines()
        return self.popen.wait()

    @property
    def output(self) -> list[str]:
        """The lines of standard output so far."""
        self._output.seek(0)
        return self._output.read().splitlines()


@contextmanager
def connect(address: tuple[str, int]) -> Iterator[socket.socket]:
    """A blocking socket that gives up after `DEADLINE`."""
    with socket.create_connection(address, DEADLINE) as client:
        yield client


def read_all(client: socket.socket) -> bytes:
    """What arrives until the server closes."""
    received = bytearray()
    while data := client.recv(1 << 18):
        received += data
    return bytes(received)


def read_until(client: socket.socket, text: bytes) -> bytes:
    """What arrives until the text has; the text may not be all of what was read."""
    received = bytearray()
    while text not in received:
        data = client.recv(1 << 18)
        assert data, f"the connection ended before {text!r}; before that came {bytes(received[-500:])!r}"
        received += data
    return bytes(received)


def push(client: socket.socket, block: bytes, total: int | None = None) -> int:
    """Send the block, again and again up to `total` bytes, as long as the server takes it without being read from;
    return how much that was. Ends when the server has hung up, too."""
    client.setblocking(False)
    total = len(block) if total is None else total
    sent = 0
    while sent < total and select.select((), (client,), (), 0.5)[1]:
        try:
            sent += client.send(memoryview(block)[sent % len(block) :])
        except ConnectionError:
            break
    return sent
