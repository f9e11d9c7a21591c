"""Worker processes behind one socket: nothing is lost when they are replaced, and nothing goes on without a reason."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.load import Load
from tests.servers import DEADLINE, ROOT, CommandLine, connect, read_until

APP = "tests.apps.worker:app"
Start = Callable[..., CommandLine]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start two workers, or as the arguments say; ended after the test."""
    with contextlib.ExitStack() as stack:

        def launch(*arguments: str, app: str = APP, **env: str) -> CommandLine:
            arguments = ("--workers", "2", *arguments)
            command = CommandLine(app, "--port", "0", *arguments, directory=tmp_path, **env)
            return stack.enter_context(command)

        yield launch


def serving(server: CommandLine, workers: int = 2) -> str:
    """Wait until all workers serve; return the URL."""
    url = server.url
    for _ in range(workers):
        server.wait_for("Using tricorn")
    return url


def address(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


def ask(url: str, path: str = "/") -> int:
    """The process that answers."""
    return int(httpx.get(url + path, timeout=DEADLINE).text)


def number_in(line: str) -> int:
    """The process id in a log line."""
    match = re.search(r"\[(\d+)\]", line)
    assert match is not None
    return int(match[1])


def started(log: list[str]) -> list[int]:
    return [number_in(line) for line in log if "Started server process" in line]


def test_a_rolling_restart_under_load_loses_nothing(start: Start) -> None:
    server = start()
    with Load(serving(server)) as load:
        load.wait_for(100)
        before = set(started(server.log))
        server.popen.send_signal(signal.SIGHUP)
        for _ in range(2):
            server.wait_for("Finished server process")
        load.wait_for(100)
        load.stop()
        assert load.lost == []
    assert {int(answer) for answer in load.answers} & before
    assert {int(answer) for answer in load.answers[-50:]} <= set(started(server.log)) - before
    assert server.end(signal.SIGTERM) == 0
    lines = [re.sub(r"\d+", "N", line) for line in server.log if "Terminated" in line or "SIG" in line]
    assert lines == [
        "INFO:     Received SIGHUP, restarting processes.",
        "INFO:     Terminated child process [N]",
        "INFO:     Terminated child process [N]",
        "INFO:     Received SIGTERM, exiting.",
        "INFO:     Terminated child process [N]",
        "INFO:     Terminated child process [N]",
    ]
    # More than two where one of the old workers has not quite ended yet.
    assert len([line for line in server.log if line.startswith("INFO:     Waiting for child process [")]) >= 2
    assert server.log[-1].startswith("INFO:     Stopping parent process [")


def test_a_stop_under_load_loses_nothing(start: Start) -> None:
    server = start()
    with Load(serving(server)) as load:
        load.wait_for(100)
        server.popen.send_signal(signal.SIGTERM)
        load.wait_until_refused()
        assert load.lost == []
    assert server.end() == 0
    assert not [line for line in server.log if "ERROR" in line or "Traceback" in line]


def test_reaching_the_request_limit_under_load_loses_nothing(start: Start) -> None:
    server = start("--limit-max-requests", "150", "--limit-max-requests-jitter", "100")
    with Load(serving(server)) as load:
        for _ in range(3):
            server.wait_for("Maximum request limit of")
            server.wait_for("Started server process")
        load.wait_for(50)
        load.stop()
        assert load.lost == []
    limits = {int(found[1]) for line in server.log if (found := re.search(r"limit of (\d+)", line))}
    assert all(150 <= limit <= 250 for limit in limits)
    assert server.end(signal.SIGTERM) == 0


def test_a_killed_worker_is_replaced_and_the_reason_named(start: Start) -> None:
    server = start()
    url = serving(server)
    killed = ask(url)
    os.kill(killed, signal.SIGKILL)
    line = server.wait_for("died")
    assert line == (
        f"INFO:     Child process [{killed}] died: killed by SIGKILL, as the system does when memory runs out."
    )
    assert number_in(server.wait_for("Started server process")) != killed
    assert ask(url) != killed
    assert server.end(signal.SIGINT) == 0


def test_a_worker_that_is_killed_under_load_takes_its_own_requests_with_it_and_no_others(start: Start) -> None:
    server = start()
    with Load(serving(server), persistent=4, single=4, pausing=2) as load:
        load.wait_for(100)
        killed = int(load.answers[-1])
        os.kill(killed, signal.SIGKILL)
        assert number_in(server.wait_for("died")) == killed
        successor = b"%d" % number_in(server.wait_for("Started server process"))
        while successor not in load.answers[-20:]:
            load.wait_for(20)
    # A client waits for one answer at a time.
    assert len(load.lost) <= 10
    assert b"%d" % killed not in load.answers[-20:]
    assert server.end(signal.SIGTERM) == 0


def test_a_worker_without_a_sign_of_life_is_killed_and_replaced(start: Start) -> None:
    server = start("--timeout-worker-healthcheck", "1")
    hung = ask(serving(server))
    os.kill(hung, signal.SIGSTOP)
    assert f"[{hung}] died: no sign of life for 1 seconds, killed" in server.wait_for("died")
    server.wait_for("Using tricorn")
    assert server.end(signal.SIGTERM) == 0


def test_a_worker_whose_event_loop_is_blocked_is_named_with_the_line_and_left_alone(start: Start) -> None:
    server = start("--timeout-worker-healthcheck", "1")
    blocked = httpx.get(serving(server) + "/block", timeout=DEADLINE).text.split()
    line = server.wait_for("serves nothing")
    assert f"Child process [{blocked[0]}] serves nothing: for " in line
    assert re.search(r"in worker\.py:\d+ in app: time\.sleep\(2\.5\)", line)
    server.wait_for(f"Child process [{blocked[0]}] serves again.")
    assert blocked[0] == blocked[1]
    assert server.end(signal.SIGTERM) == 0


def test_a_worker_that_is_blocked_for_too_long_is_killed_and_replaced(start: Start) -> None:
    server = start("--timeout-worker-blocked", "1")
    url = serving(server)
    with connect(address(url)) as client:
        client.sendall(b"GET /block HTTP/1.1\r\nHost: test\r\n\r\n")
        line = server.wait_for("died")
    assert re.search(
        r"its event loop was blocked for \d\.\d seconds in worker\.py:\d+ in app: time\.sleep\(2\.5\).*; killed", line
    )
    server.wait_for("Using tricorn")
    assert ask(url) != number_in(line)
    assert server.end(signal.SIGTERM) == 0


def test_signals_change_the_number_of_workers_or_nothing(start: Start) -> None:
    server = start("--log-level", "debug")
    serving(server)
    server.popen.send_signal(signal.SIGTTIN)
    server.wait_for("Received SIGTTIN, increasing the number of processes.")
    server.wait_for("Using tricorn")
    for _ in range(3):
        server.popen.send_signal(signal.SIGTTOU)
        server.wait_for("Received SIGTTOU, decreasing number of processes.")
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT, signal.SIGWINCH):
        server.popen.send_signal(number)
        server.wait_for(f"Received signal {number.name}, but no handler is defined for it.")
    assert server.end(signal.SIGTERM) == 0
    after = server.log[next(i for i, line in enumerate(server.log) if "SIGTERM" in line) :]
    assert len([line for line in after if "Terminated child process" in line]) == 1


def test_a_restart_into_a_broken_release_keeps_the_old_workers(start: Start, tmp_path: Path) -> None:
    flag = tmp_path / "broken"
    server = start(BREAK_START=str(flag))
    url = serving(server)
    flag.touch()
    server.popen.send_signal(signal.SIGHUP)
    line = server.wait_for("aborting the restart")
    old = set(started(server.log))
    assert re.search(r"New child process \[\d+\] ended before it was ready \(exit status 1\); keeping worker", line)
    assert ask(url) in old
    assert server.end(signal.SIGTERM) == 0


def test_a_successor_that_is_not_ready_in_time_is_given_up(start: Start) -> None:
    server = start("--timeout-worker-healthcheck", "0.001")
    serving(server)
    server.popen.send_signal(signal.SIGHUP)
    line = server.wait_for("aborting the restart")
    assert re.search(
        r"ERROR:    New child process \[\d+\] was not ready in time; keeping worker \[\d+\] and aborting the restart\.",
        line,
    )
    assert server.end(signal.SIGTERM) == 0


@pytest.mark.parametrize("app", ["tests.apps.worker:unwilling", "tests.apps.worker:absent", "tests.apps.broken:app"])
def test_workers_that_cannot_start_stop_the_parent_with_status_3(start: Start, app: str) -> None:
    server = start(app=app)
    assert server.end() == 3
    assert re.search(r"Child process \[\d+\] failed to start, stopping the parent process\.", "\n".join(server.log))
    assert not [line for line in server.log if "/tricorn/" in line], "a traceback shows the server's own frames"


def test_workers_end_when_their_parent_is_killed(start: Start) -> None:
    server = start()
    serving(server)
    assert server.end(signal.SIGKILL) == -signal.SIGKILL  # read to the end: nobody holds the standard error any more
    assert len([line for line in server.log if "The parent process is gone" in line]) == 2
    assert len([line for line in server.log if "Application shutdown complete" in line]) == 2


def test_a_second_interrupt_waits_for_nobody(start: Start) -> None:
    server = start()
    with connect(address(serving(server))) as client:
        client.sendall(b"GET /hang HTTP/1.1\r\nHost: test\r\n\r\n")
        read_until(client, b"\r\n\r\n")
        server.popen.send_signal(signal.SIGINT)
        server.wait_for("CTRL+C to force quit")
        server.popen.send_signal(signal.SIGINT)
        assert server.end() == 0
    assert not [line for line in server.log if "Traceback" in line or "KeyboardInterrupt" in line]


def test_an_interrupt_during_the_start_shows_no_traceback(start: Start) -> None:
    server = start()
    server.wait_for("Started parent process")
    assert server.end(signal.SIGINT) == 0
    assert not [line for line in server.log if "Traceback" in line]


def test_the_socket_file_goes_away_with_the_parent(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    server = start("--uds", str(path))
    server.wait_for(f"Tricorn running on unix socket {path}")
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(DEADLINE)
        client.connect(str(path))
        client.sendall(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        read_until(client, b"200 OK")
    assert server.end(signal.SIGTERM) == 0
    assert not path.exists()


def test_a_program_without_a_main_guard_is_told_so(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(f'import tricorn\ntricorn.run("{APP}", port=0, workers=2)\n')
    ended = subprocess.run(
        [sys.executable, str(program)], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=DEADLINE, check=False,
    )  # fmt: skip
    assert ended.returncode == 3
    assert "put the call under 'if __name__ == \"__main__\":'" in ended.stderr
    assert "Traceback" not in ended.stderr


PROGRAM = """
import socket
from tricorn import Config, Server
from tricorn.supervisors import {supervisor}

class OwnConfig(Config):
    greeting = "a Config of one's own"

class OwnServer(Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print(f"{{self.config.greeting}}, {{self.config.extra}}", flush=True)

if __name__ == "__main__":
    config = OwnConfig("tests.apps.worker:app", port=0, workers=2, {options})
    config.extra = "an attribute of one's own"
    {supervisor}(config, target=OwnServer(config).run, sockets=[config.bind_socket()]).run()
"""


@pytest.mark.parametrize(
    ("supervisor", "options", "processes"), [("Multiprocess", "", 2), ("ChangeReload", "reload=True", 1)]
)
def test_a_program_may_put_its_own_server_into_a_supervisor(
    tmp_path: Path, supervisor: str, options: str, processes: int
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(supervisor=supervisor, options=options))
    path = f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"
    with CommandLine(program=[str(program)], directory=tmp_path, PYTHONPATH=path) as server:
        url = serving(server, processes)
        assert ask(url) in started(server.log)
        assert server.end(signal.SIGINT) == 0
        assert server.output[:processes] == ["a Config of one's own, an attribute of one's own"] * processes
