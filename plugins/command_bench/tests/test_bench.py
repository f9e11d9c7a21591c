"""The real command: a short run with real servers, what is refused in one line, and Ctrl-C."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

DEADLINE = 120
APP = """
import itertools, os
numbers = itertools.count()
async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": event.get("text"), "bytes": event.get("bytes")})
    elif scope["type"] == "http":
        if scope["path"] == "/told" and next(numbers) == 0:
            with open("pid", "w") as file: file.write(str(os.getpid()))
        status = {"/missing": 404, "/half": 200 + 300 * (next(numbers) % 2)}.get(scope["path"], 200)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": scope["root_path"].encode()})
        if scope["path"] == "/exit":
            os._exit(7)
    else:
        raise NotImplementedError
def factory():
    return app
"""
SHORT = ["-d", "0.2", "--warm-up", "0.1", "-c", "2"]
ONE = ["--http", "h11", "--loop", "asyncio", "--rounds", "1", *SHORT]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "measured_app.py").write_text(APP)
    return tmp_path


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tricorn", "bench", *arguments]


def bench(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), cwd=directory, capture_output=True, text=True, timeout=DEADLINE)


def test_every_combination_is_measured_in_every_round(here: Path) -> None:
    picture = here / "result.png"
    names = ["--http", "httptools,h11", "--loop", "asyncio", "--rounds", "2"]
    done = bench(
        here,
        "measured_app:factory",
        "--factory",
        "--root-path",
        "/api",
        *names,
        *SHORT,
        "--json",
        "--plot",
        str(picture),
    )
    assert (done.returncode, done.stderr) == (0, f"Wrote {picture}\n")
    found = json.loads(done.stdout)
    assert (found["app"], found["unit"], found["connections"]) == ("measured_app:factory", "requests", 2)
    assert [(c["http"], c["loop"], len(c["rounds"])) for c in found["combinations"]] == [
        ("httptools", "asyncio", 2),
        ("h11", "asyncio", 2),
    ]
    for combination in found["combinations"]:
        assert combination["failure"] is None
        assert combination["failures"] == {}
        assert combination["rate"] > 0
        assert 0 < combination["p50"] <= combination["p99"]
        assert combination["memory"] > 1_000_000
        assert combination["cpu_per_100k"] >= 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_pipe_gets_the_table_as_text(here: Path) -> None:
    done = bench(here, "measured_app:app", *ONE)
    assert (done.returncode, done.stderr) == (0, "")
    head, row = done.stdout.splitlines()[:2]
    assert head.split()[:3] == ["http", "loop", "requests/s"]
    assert row.split()[:2] == ["h11", "asyncio"]


def test_messages_of_a_websocket_are_measured(here: Path) -> None:
    done = bench(here, "measured_app:app", *ONE, "--ws", "wsproto", "--ws-path", "/echo", "--body", "hello", "--json")
    found = json.loads(done.stdout)
    assert (found["unit"], found["combinations"][0]["ws"]) == ("messages", "wsproto")
    assert found["combinations"][0]["rate"] > 0


def test_what_is_not_2xx_is_counted(here: Path) -> None:
    (combination,) = json.loads(bench(here, "measured_app:app", *ONE, "--path", "/half", "--json").stdout)[
        "combinations"
    ]
    assert combination["failures"]["500"] > 0
    assert combination["rate"] > 0


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["measured_app:app", "--path", "/missing"], 1, "ERROR:    no answer was 2xx: 404 ("),
        (["measured_app:nothing"], 3, 'ERROR:    Error loading ASGI app. Attribute "nothing" not found'),
        (["broken"], 3, "ERROR:    ZeroDivisionError: division by zero"),
        (["measured_app:app", "--path", "/exit"], 3, "ERROR:    exit status 7"),
        (["measured_app:app", "--loop", "nothing"], 3, "ERROR:    No loop plugin 'nothing'"),
        (["measured_app:app", "--workers", "2"], 2, "Error: No such option"),
        (
            ["measured_app:app", "-H", "x"],
            2,
            "Error: Invalid value for '-H' / '--request-header': 'x' is not of the form",
        ),
        (["measured_app:app", "-b", "@none"], 2, "Error: Invalid value for '-b' / '--body': none: No such file"),
    ],
    ids=["answers", "import", "broken", "exit", "plugin", "option", "header", "body"],
)
def test_what_cannot_be_measured_is_told_in_one_line(
    arguments: list[str], status: int, message: str, here: Path
) -> None:
    (here / "broken.py").write_text("1 / 0\n")
    done = bench(here, *ONE, *arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.splitlines()[-1].startswith(message)
    assert status == 2 or len(done.stderr.splitlines()) == 1


def test_a_combination_that_fails_leaves_the_others(here: Path) -> None:
    (here / "acme_loop.py").write_text("def factory():\n    raise OSError('no luck')\n")
    done = bench(here, "measured_app:app", *ONE, "--loop", "asyncio,acme_loop:factory", "--app-dir", str(here))
    assert done.returncode == 0
    assert [line.split()[1] for line in done.stdout.splitlines()[1:2]] == ["asyncio"]
    assert "h11 acme_loop:factory failed: OSError: no luck" in done.stdout


def test_ctrl_c_ends_the_server_and_prints_what_there_is(here: Path) -> None:
    os.mkfifo(here / "pid")
    told = os.open(here / "pid", os.O_RDONLY | os.O_NONBLOCK)
    # A session of its own: Ctrl-C reaches every process that belongs to a terminal.
    process = subprocess.Popen(
        command("measured_app:app", *ONE, "-d", "600", "--path", "/told", "--json"),
        cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        assert select.select([told], [], [], DEADLINE)[0], "the application was never asked"
        server = psutil.Process(int(os.read(told, 100)))
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE)
        assert (process.returncode, err) == (130, "")
        assert [c["rounds"] for c in json.loads(out)["combinations"]] == [[]]
        assert not server.is_running()
    finally:
        os.close(told)
        process.kill()
        process.wait()


def test_a_terminal_sees_the_progress(here: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "140"}
    process = subprocess.Popen(
        command("measured_app:app", *ONE), cwd=here, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    shown = b""
    try:
        while True:
            try:
                shown += os.read(ours, 65536)
            except OSError:  # Linux says in this way that the other end is closed
                break
        assert process.wait(DEADLINE) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert b"http h11, ws frames, loop asyncio" in shown
    assert b"1/1" in shown
    assert b"requests/s" in shown
