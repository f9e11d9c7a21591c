"""gunicorn with the server's worker class: its signals lose no request, its settings count, its log is used."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.load import Load
from tests.servers import DEADLINE, CommandLine, connect, read_until

Start = Callable[..., CommandLine]

GUNICORN = str(Path(sys.executable).parent / "gunicorn")
"""The script: `python -m gunicorn` cannot start itself anew for USR2."""

WORKER = """
from tricorn.workers import TricornWorker

class Worker(TricornWorker):
    CONFIG_KWARGS = {"lifespan": "off", "http": "h11", "loop": "asyncio", "headers": [("X-Own", "1")]}
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start gunicorn with two workers, or as the arguments say; ended after the test."""
    with contextlib.ExitStack() as stack:

        def launch(*arguments: str, app: str = "tests.apps.worker:app", **env: str) -> CommandLine:
            flags = ("-w", "2", "-k", "tricorn.workers.TricornWorker", "-b", "127.0.0.1:0", "--no-control-socket")
            program = (GUNICORN, app, *flags, *arguments)
            return stack.enter_context(CommandLine(program=program, directory=tmp_path, **env))

        yield launch


def serving(server: CommandLine, workers: int = 2) -> str:
    """Wait until all workers serve; return the URL."""
    match = re.search(r"http://\S+", server.wait_for("Listening at"))
    assert match is not None
    for _ in range(workers):
        server.wait_for("Using tricorn")
    return match[0]


@contextlib.contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    with connect((httpx.URL(url).host, httpx.URL(url).port or 0)) as client:
        yield client


def test_reloading_and_adding_a_worker_under_load_lose_nothing(start: Start) -> None:
    server = start()
    with Load(serving(server)) as load:
        load.wait_for(100)
        before = set(load.answers)
        server.popen.send_signal(signal.SIGHUP)
        for _ in range(2):
            server.wait_for("Worker exiting")
        server.popen.send_signal(signal.SIGTTIN)
        server.wait_for("Using tricorn")
        load.wait_for(100)
        load.stop()
        assert load.lost == []
        assert not set(load.answers[-50:]) & before
    assert server.end(signal.SIGTERM) == 0


def test_a_new_gunicorn_takes_over_under_load_and_nothing_is_lost(start: Start) -> None:
    """USR2 starts another one on the same sockets; TERM then ends the first."""
    server = start()
    with contextlib.ExitStack() as stack, Load(serving(server)) as load:
        load.wait_for(100)
        before = set(load.answers)
        server.popen.send_signal(signal.SIGUSR2)
        match = re.search(r"\[(\d+)\] \[INFO\] Listening at", server.wait_for("Listening at"))
        assert match is not None
        successor = int(match[1])
        stack.callback(os.kill, successor, signal.SIGTERM)
        for _ in range(2):
            server.wait_for("Using tricorn")
        server.popen.send_signal(signal.SIGTERM)
        assert server.popen.wait() == 0
        load.wait_for(100)
        load.stop()
        assert load.lost == []
        assert successor != server.popen.pid
        assert not set(load.answers[-50:]) & before
    server.end()


def test_stopping_under_load_loses_nothing(start: Start) -> None:
    server = start()
    with Load(serving(server)) as load:
        load.wait_for(100)
        server.popen.send_signal(signal.SIGTERM)
        load.wait_until_refused()
        assert load.lost == []
    assert server.end() == 0


def test_reaching_the_request_limit_under_load_loses_nothing(start: Start) -> None:
    server = start("--max-requests", "150", "--max-requests-jitter", "50")
    with Load(serving(server)) as load:
        for _ in range(3):
            server.wait_for("Maximum request limit of")
            server.wait_for("Using tricorn")
        load.stop()
        assert load.lost == []
    assert server.end(signal.SIGTERM) == 0


def test_options_of_a_subclass_beat_those_of_gunicorn(start: Start, tmp_path: Path) -> None:
    (tmp_path / "own_worker.py").write_text(WORKER)
    server = start(
        "-k", "own_worker.Worker", "--pythonpath", str(tmp_path), "--access-logfile", "-", "--keep-alive", "3"
    )
    url = serving(server)
    response = httpx.get(url + "/a%20b", timeout=DEADLINE)
    assert response.headers["x-own"] == "1"
    assert server.end(signal.SIGTERM) == 0
    log = "\n".join(server.log)
    assert "http h11 0.1.0" in log
    assert "loop asyncio 0.1.0" in log
    assert "Application startup complete" not in log
    assert re.fullmatch(r'127\.0\.0\.1:\d+ - "GET /a%20b HTTP/1\.1" 200', server.output[0])


def test_without_an_access_log_of_gunicorn_there_is_none(start: Start) -> None:
    server = start()
    httpx.get(serving(server), timeout=DEADLINE)
    assert server.end(signal.SIGTERM) == 0
    assert server.output == []
    assert all(re.match(r"\[\d+-\d+-\d+ ", line) for line in server.log)


def test_a_blocked_worker_is_named_with_the_line_and_replaced(start: Start) -> None:
    server = start("-w", "1", "--timeout", "1")
    url = serving(server, workers=1)
    with connected(url) as client:
        client.sendall(b"GET /block HTTP/1.1\r\nHost: test\r\n\r\n")
        line = server.wait_for("was blocked in")
        assert re.search(r"was blocked in worker\.py:\d+ in app: time\.sleep\(2\.5\)", line)
    server.wait_for("Using tricorn")
    assert httpx.get(url, timeout=DEADLINE).status_code == 200
    assert server.end(signal.SIGTERM) == 0


def test_an_idle_worker_lives_longer_than_the_timeout(start: Start, tmp_path: Path) -> None:
    (tmp_path / "own_worker.py").write_text(WORKER.replace('"headers"', '"timeout_request_head": 2.5, "headers"'))
    server = start("-w", "1", "-k", "own_worker.Worker", "--pythonpath", str(tmp_path), "--timeout", "1")
    url = serving(server, workers=1)
    first = httpx.get(url, timeout=DEADLINE).text
    with connected(url) as client:
        # The deadline of a head that does not arrive is a clock that runs inside the worker.
        client.sendall(b"GET / HTTP/1.1\r\n")
        read_until(client, b" 408 ")
    assert httpx.get(url, timeout=DEADLINE).text == first
    assert server.end(signal.SIGTERM) == 0
    assert not [line for line in server.log if "TIMEOUT" in line]


def test_quit_cancels_the_requests_and_shuts_the_application_down(start: Start) -> None:
    server = start("-w", "1")
    with connected(serving(server, workers=1)) as client:
        client.sendall(b"GET /hang HTTP/1.1\r\nHost: test\r\n\r\n")
        read_until(client, b"\r\n\r\n")
        assert server.end(signal.SIGQUIT) == 0
    assert [line for line in server.log if "Application shutdown complete" in line]


def test_an_application_that_cannot_start_stops_gunicorn_with_status_3(start: Start) -> None:
    # One worker: when two fail at once, gunicorn 27 ends with a traceback of its own and status 1.
    server = start("-w", "1", app="tests.apps.worker:unwilling")
    assert server.end() == 3
    assert [line for line in server.log if "no database" in line]
