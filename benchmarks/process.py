"""A server process under measurement: its start, its core, its CPU time and memory, its end."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOT = Path(__file__).resolve().parent.parent
"""The checkout; servers import `benchmarks.apps` from here."""

TICK = os.sysconf("SC_CLK_TCK")


class StartFailed(Exception):
    """A server ended or stayed silent before its first answer; the message is one line."""


def free_port() -> int:
    """A TCP port of the loopback interface that was free a moment ago: most servers take only a number."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def session_members(leader: int) -> list[int]:
    """The processes of the session that `leader` started, from /proc: workers and their children included."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            # The command name may hold blanks and brackets; the fields that follow it do not.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader:
                found.append(int(entry.name))
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of `pids` with their waited-for children, in seconds (a tick is 10 ms)."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / TICK


def children_cpu() -> float:
    """CPU seconds of this process's children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def resident_bytes(pids: Iterable[int]) -> int:
    """Memory of `pids`: pages shared between them are counted once (the proportional set size)."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


class ServerProcess:
    """One server in a session of its own, pinned to `cores`; a context manager that ends what it started."""

    def __init__(self, command: Sequence[str], port: int, cores: set[int], log: Path, tls: bool = False) -> None:
        self.port = port
        self.tls = tls
        self.log = log
        self.started = 0.0
        self._command = list(command)
        self._cores = cores
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ServerProcess:
        environment = dict(os.environ)
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), environment.get("PYTHONPATH")]))
        # What a server writes goes to a file: lines are counted later, and a pipe would make the harness read.
        with self.log.open("wb") as output:
            self.started = time.perf_counter()
            self._process = subprocess.Popen(
                self._command,
                cwd=self.log.parent,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: os.sched_setaffinity(0, self._cores),
            )
        return self

    def __exit__(self, *exc: object) -> None:
        process = self._process
        if process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                continue
            break
        for pid in session_members(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def members(self) -> list[int]:
        """The process numbers of the server, its workers included."""
        assert self._process is not None
        return session_members(self._process.pid)

    def wait_ready(self, timeout: float = 20.0) -> float:
        """Ask until a GET is answered with 200; returns the seconds since the start of the process.

        Raises StartFailed when the process ends first or `timeout` seconds have passed.
        """
        assert self._process is not None
        while True:
            with contextlib.suppress(OSError):
                if first_answer(self.port, self.tls).startswith(b"HTTP/1.1 200"):
                    return time.perf_counter() - self.started
            if self._process.poll() is not None:
                raise StartFailed(f"ended with status {self._process.returncode}: {self.last_line()}")
            if time.perf_counter() - self.started > timeout:
                raise StartFailed(f"no answer within {timeout:.0f} s: {self.last_line()}")
            time.sleep(0.001)

    def died(self) -> str | None:
        """How the process ended, or None while it runs."""
        assert self._process is not None
        status = self._process.poll()
        return None if status is None else f"the server ended with status {status}: {self.last_line()}"

    def last_line(self) -> str:
        """The last line that the server wrote."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it wrote nothing"


def connect(port: int, tls: bool = False, timeout: float | None = None) -> socket.socket:
    """A connection to a server under measurement; a certificate is not checked."""
    raw = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not tls:
        return raw
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(raw)


def first_answer(port: int, tls: bool = False) -> bytes:
    """The first bytes that come back for a GET; empty when the server closed instead.

    It does not ask to close the connection: fastpysgi 0.6 crashes where a client does.
    """
    with connect(port, tls, timeout=5) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        return sock.recv(65536)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key (PKCS#8), made by the openssl program."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    if not certificate.exists():
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj".split()
        arguments: list[Any] = [*command, "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
        subprocess.run([*arguments, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


PYTHON = sys.executable
