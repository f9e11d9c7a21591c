"""The server under development: it follows the files, outlives mistakes in them, and ends at once."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.servers import DEADLINE, CommandLine, connect, read_until

Start = Callable[..., CommandLine]

APP = """
import asyncio, time

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/stream":
        await send({"type": "http.response.body", "body": b"streaming", "more_body": True})
        await asyncio.Event().wait()
    if scope["path"] == "/block":
        await send({"type": "http.response.body", "body": b"blocking", "more_body": True})
        time.sleep(1000)
    await send({"type": "http.response.body", "body": b"VERSION"})
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a server that watches a directory with an application, whose name is `site`; ended after the test."""
    (tmp_path / "site").mkdir()
    write(tmp_path, "one")
    with contextlib.ExitStack() as stack:

        def launch(*arguments: str, **env: str) -> CommandLine:
            site = str(tmp_path / "site")
            flags = ("--reload", "--reload-dir", site, "--app-dir", site, "--port", "0", *arguments)
            return stack.enter_context(CommandLine("main:app", *flags, directory=tmp_path, **env))

        yield launch


def write(directory: Path, version: str, *, broken: bool = False) -> None:
    """Save the application, all at once as editors do."""
    new = directory / "main.new"
    new.write_text("this is not Python\n" if broken else APP.replace("VERSION", version))
    new.replace(directory / "site" / "main.py")


def ready(server: CommandLine) -> str:
    """Wait until the application serves and changes are looked for; return the URL."""
    url = server.url
    server.wait_for("Using tricorn")
    return url


def version(url: str) -> str:
    return httpx.get(url, timeout=DEADLINE).text


def test_a_change_is_served_after_it_is_told(start: Start, tmp_path: Path) -> None:
    server = start()
    url = ready(server)
    assert version(url) == "one"
    write(tmp_path, "two")
    path = tmp_path / "site" / "main.py"
    assert server.wait_for("detected") == f"WARNING:  WatchFiles detected changes in '{path}'. Reloading..."
    assert version(url) == "two"
    assert server.end(signal.SIGINT) == 0
    assert server.log[0] == f"INFO:     Will watch for changes in these directories: ['{path.parent}']"
    assert re.search(r"INFO:     Started reloader process \[\d+\] using WatchFiles", "\n".join(server.log))
    assert re.fullmatch(r"INFO:     Stopping reloader process \[\d+\]", server.log[-1])
    assert not [line for line in server.log if "Traceback" in line]


def test_a_broken_application_is_waited_for(start: Start, tmp_path: Path) -> None:
    write(tmp_path, "", broken=True)
    server = start()
    url = server.url
    line = server.wait_for("starts again at the next change")
    assert line == "WARNING:  The server ended (exit status 1); it starts again at the next change."
    write(tmp_path, "mended")
    assert version(url) == "mended"
    write(tmp_path, "", broken=True)
    server.wait_for("starts again at the next change")
    write(tmp_path, "again")
    assert version(url) == "again"
    assert server.end(signal.SIGTERM) == 0


def test_a_request_during_the_restart_waits_for_its_answer(start: Start, tmp_path: Path) -> None:
    server = start()
    url = ready(server)
    write(tmp_path, "two")
    server.wait_for("Finished server process")
    assert version(url) == "two"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_socket_file_goes_away_with_the_parent(number: signal.Signals, start: Start, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    server = start("--uds", str(path))
    server.wait_for("Application startup complete.")
    assert path.exists()
    assert server.end(number) == 0
    assert not path.exists()


def test_an_open_stream_does_not_hold_up_the_restart(start: Start, tmp_path: Path) -> None:
    server = start("--timeout-graceful-shutdown", "0.2")
    url = ready(server)
    with connect((httpx.URL(url).host, httpx.URL(url).port or 0)) as client:
        client.sendall(b"GET /stream HTTP/1.1\r\nHost: test\r\n\r\n")
        read_until(client, b"streaming")
        write(tmp_path, "two")
        server.wait_for("Started server process")
        assert version(url) == "two"
        client.sendall(b"GET /stream HTTP/1.1\r\nHost: test\r\n\r\n")
        assert server.end(signal.SIGINT) == 0


def test_a_blocked_process_is_killed(start: Start, tmp_path: Path) -> None:
    server = start("--timeout-graceful-shutdown", "0")
    url = ready(server)
    with connect((httpx.URL(url).host, httpx.URL(url).port or 0)) as client:
        client.sendall(b"GET /block HTTP/1.1\r\nHost: test\r\n\r\n")
        read_until(client, b"blocking")
        write(tmp_path, "two")
        server.wait_for("does not end: killing it.")
        assert version(url) == "two"


def test_excluded_files_are_not_noticed_and_included_ones_are(start: Start, tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "data").mkdir()
    server = start("--reload-include", "*.html", "--reload-exclude", str(site / "data"), "--reload-exclude", "gen_*")
    ready(server)
    (site / "data" / "module.py").touch()
    (site / "gen_schema.py").touch()
    (site / "notes.txt").touch()
    (site / "page.html").touch()
    line = server.wait_for("detected")
    assert line == f"WARNING:  WatchFiles detected changes in '{site / 'page.html'}'. Reloading..."


def test_an_application_that_writes_what_is_watched_is_named(start: Start, tmp_path: Path) -> None:
    written = APP + "\nimport os, pathlib\npathlib.Path(__file__).with_name('log.py').write_text(str(os.getpid()))\n"
    (tmp_path / "site" / "main.py").write_text(written)
    server = start("--reload-delay", "0")
    line = server.wait_for("3 reloads in 5 seconds")
    assert f"does the application itself write '{tmp_path / 'site' / 'log.py'}'?" in line
    server.popen.send_signal(signal.SIGINT)


def test_without_watchfiles_the_times_of_the_files_are_compared(start: Start, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "watchfiles.py").write_text("raise ImportError('not for this platform')")
    server = start("--reload-delay", "0.05", PYTHONPATH=f"{blocked}:{os.environ.get('PYTHONPATH', '')}")
    url = ready(server)
    write(tmp_path, "two")
    path = tmp_path / "site" / "main.py"
    assert server.wait_for("detected") == f"WARNING:  StatReload detected changes in '{path}'. Reloading..."
    assert version(url) == "two"
    assert server.end(signal.SIGINT) == 0
