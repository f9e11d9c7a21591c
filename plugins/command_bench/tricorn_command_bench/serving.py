"""The server that is measured: a fresh process of the same interpreter, on a free port of the loopback interface."""

from __future__ import annotations

import contextlib
import os
import sys
from multiprocessing.connection import wait
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from tricorn.config import Config
from tricorn.server import Server
from tricorn.supervisors.process import Process, reason

GRACE = 5.0
"""Seconds that a server gets to end before it is killed."""


class ServerEnded(Exception):
    """A server ended before it was told to: one line, the last that it wrote."""


class QuietServer(Server):
    """A server that writes to a file what it would write to the terminal."""

    output: Path

    def run(self, sockets: Any = None) -> None:
        """Serve until told to stop."""
        sys.stdout.flush()
        sys.stderr.flush()
        with self.output.open("ab") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        super().run(sockets)


class Served:
    """One server process, from the beginning of the block to its end.

    core: the processor that it is kept on, if any. port: where it accepts connections. Raises ServerEnded.
    """

    def __init__(self, config: Config, output: Path, core: int | None = None) -> None:
        self.output = output
        self._sockets = config.bind_sockets()
        self.port: int = self._sockets[0].getsockname()[1]
        server = QuietServer(config)
        server.output = output
        self._process = Process(config, server.run, self._sockets)
        self._core = core

    def __enter__(self) -> Served:
        self._process.start()
        for sock in self._sockets:
            sock.close()
        try:
            self._wait_until_ready()
            self._measured = psutil.Process(self._process.pid)
            if self._core is not None:
                self._measured.cpu_affinity([self._core])
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop()

    def _wait_until_ready(self) -> None:
        process = self._process
        while not process.ready:
            ended = process.sentinel in wait([process.connection, process.sentinel])
            process.listen()
            if ended and not process.ready:
                process.join()
                raise ServerEnded(self.last_line())

    def _stop(self) -> None:
        process = self._process
        process.terminate()
        process.join(GRACE)
        process.kill()
        process.join()
        process.close()

    def last_line(self) -> str:
        """The last line that the server wrote, without its level, or how it ended where it wrote nothing."""
        lines = self.output.read_text(errors="replace").split("\n") if self.output.exists() else []
        written = [line.strip() for line in lines if line.strip()]
        return written[-1].removeprefix("ERROR:").strip() if written else reason(self._process.exitcode)

    def cpu(self) -> float:
        """Seconds of processor time that it has used so far. Raises ServerEnded."""
        times = self._ask("cpu_times")
        return float(times.user + times.system)

    def memory(self) -> int:
        """Bytes of memory that it holds (the resident set). Raises ServerEnded."""
        return int(self._ask("memory_info").rss)

    def _ask(self, what: str) -> Any:
        with contextlib.suppress(psutil.NoSuchProcess):
            found = getattr(self._measured, what)()
            if self._process.is_alive():  # until it has been waited for, there are numbers of a process that has ended
                return found
        self._process.join()
        raise ServerEnded(self.last_line())
