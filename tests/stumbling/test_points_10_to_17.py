"""What people stumble over when they run ASGI applications, and what happens here instead: points 10 to 17 of 25."""

from __future__ import annotations

import errno
import os
import re
import signal
import socket

import httpx
import pytest

from tests.servers import DEADLINE, connect, read_all, read_until
from tests.stumbling.project import APP, Project
from tricorn import Config
from tricorn.listeners.tcp import open_sockets
from tricorn.proxy import TrustedPeers
from tricorn.supervisors import process

# --- 10: noise in the access log --------------------------------------------------------------------------------------


def test_10_health_checks_that_succeed_stay_out_of_the_access_log(project: Project) -> None:
    server = project.serve("main:app", "--access-log-exclude", "/health,/fail")
    url = server.url
    for path in ("/health?full=1", "/fail", "/"):
        httpx.get(url + path, timeout=DEADLINE)
    assert server.end(signal.SIGTERM) == -signal.SIGTERM
    assert [line.split()[4] for line in server.output] == ["/fail", "/"]


# --- 11: reloading for nothing ----------------------------------------------------------------------------------------


def test_11_what_git_ignores_restarts_nothing_and_what_does_is_named(project: Project) -> None:
    project.write(".gitignore", "generated.py\n")
    server = project.serve("main:app", "--reload")
    server.wait_for("Using tricorn")
    project.write("generated.py", "made = 1\n")
    project.write("node_modules/tool.py", "")
    project.write("api.py", "edited = 1\n")
    assert re.fullmatch(r"WARNING:  \w+ detected changes in 'api\.py'\. Reloading\.\.\.", server.wait_for("detected"))


def test_11_a_file_that_the_application_writes_itself_is_named(project: Project) -> None:
    itself = "import os, pathlib\npathlib.Path(__file__).with_name('log.py').write_text(str(os.getpid()))\n"
    project.write("main.py", APP + itself)
    server = project.serve("main:app", "--reload", "--reload-delay", "0")
    line = server.wait_for("3 reloads in 5 seconds")
    assert "does the application itself write 'log.py'? --reload-exclude keeps a file out." in line


# --- 12: an application that another process cannot import ------------------------------------------------------------


@pytest.mark.parametrize("program", [("serving.py",), ("-m", "package.serving")])
def test_12_run_finds_the_import_string_of_the_application_it_is_given(
    project: Project, program: tuple[str, ...]
) -> None:
    text = APP + "import tricorn\nif __name__ == '__main__':\n    tricorn.run(app, reload=True, port=0)\n"
    for name in ("serving.py", "package/serving.py"):
        project.write(name, text)
    server = project.serve(program=program)
    assert httpx.get(server.url, timeout=DEADLINE).text == "http"
    assert server.end(signal.SIGINT) == 0


def test_12_where_it_has_no_name_or_no_guard_it_is_said_what_to_write(project: Project) -> None:
    nameless = "from main import app\nimport tricorn\ndef start(made): tricorn.run(made, reload=True, port=0)\n"
    project.write("nameless.py", nameless + "del app\nimport main\nif __name__ == '__main__': start(main.app)\n")
    ended = project.ended(program=("nameless.py",))
    assert ended.status == 3
    assert "You must pass the application as an import string to enable 'reload' or 'workers'." in ended.log
    assert "run('module:attribute', ...)" in ended.log
    project.write("unguarded.py", APP + "import tricorn\ntricorn.run('main:app', reload=True, port=0)\n")
    server = project.serve(program=("unguarded.py",))
    line = server.wait_for("starts the reloader again")
    assert "put the call under 'if __name__ == \"__main__\":'." in line


def test_12_reload_with_workers_says_which_of_them_counts(project: Project) -> None:
    server = project.serve("main:app", "--reload", "--workers", "2")
    assert server.wait_for("workers") == 'WARNING:  "workers" flag is ignored when reloading is enabled.'


# --- 13: Windows ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (
            10013,
            "Another program holds it for itself, or Windows keeps it back (netsh interface ipv4 show excludedport",
        ),
        (10048, "Try --port 8001, or --port 0 for any free one."),
    ],
)
def test_13_what_windows_says_of_a_port_is_explained(number: int, hint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no Windows, an error as Python makes it there stands in."""
    error = OSError({10013: errno.EACCES, 10048: errno.EADDRINUSE}[number], "only one usage is permitted")
    error.winerror = number  # type: ignore[attr-defined]

    def refuse(self: socket.socket, address: object) -> None:
        raise error

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(OSError, match=re.escape(hint)):
        open_sockets(Config("main:app", log_config=None))


def test_13_processes_are_started_and_judged_without_signals_that_windows_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(signal, "SIGKILL")
    monkeypatch.delattr(signal, "pthread_sigmask")
    assert process.reason(-signal.SIGTERM) == "killed by SIGTERM"
    with process._held_back():
        pass


# --- 14: a traceback after Ctrl-C -------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", ["", "--reload", "--workers 2", "--loop asyncio --http h11"])
def test_14_ctrl_c_leaves_no_traceback(project: Project, options: str) -> None:
    server = project.serve("main:app", *options.split())
    url = httpx.URL(server.url)
    with connect((url.host, url.port or 0)) as streaming:
        streaming.sendall(b"GET /events HTTP/1.1\r\nHost: test\r\n\r\n")
        read_until(streaming, b"first")
        assert server.end(signal.SIGINT) in (0, -signal.SIGINT)
    assert not [line for line in (*server.log, *server.output) if "Traceback" in line or "CancelledError" in line]


def test_14_nor_does_ctrl_c_while_the_application_starts(project: Project) -> None:
    project.write("main.py", "import sys, time\nprint('importing', file=sys.stderr, flush=True)\ntime.sleep(600)\n")
    server = project.serve("main:app")
    server.wait_for("importing")
    assert server.end(signal.SIGINT) in (0, -signal.SIGINT)
    assert not [line for line in server.log if "Traceback" in line or "KeyboardInterrupt" in line]


# --- 15: workers that die, or are taken for dead ----------------------------------------------------------------------

BUSY = """
import asyncio, mmap, os, sys

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    if scope["path"] == "/busy":
        await asyncio.sleep(0.5)  # by now its parent knows that it serves
        parent = os.getppid()
        with open("go-on", "r+b") as file, mmap.mmap(file.fileno(), 1) as told:
            sys.setswitchinterval(1000)  # as in compiled code, no other thread runs
            while not told[0] and os.getppid() == parent:
                pass
            sys.setswitchinterval(0.005)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % os.getpid()})
"""


def test_15_a_worker_that_works_is_not_taken_for_dead(project: Project) -> None:
    project.write("busy.py", BUSY)
    told = project.write("go-on", "\0")
    server = project.serve("busy:app", "--workers", "2", "--timeout-worker-healthcheck", "1")
    url = httpx.URL(server.url)
    server.wait_for("Using tricorn")
    with connect((url.host, url.port or 0)) as client:
        client.sendall(b"GET /busy HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        (worker,) = re.findall(r"\[(\d+)\] has not answered for 1 seconds, but works", server.wait_for("not answered"))
        with told.open("r+b") as file:
            file.write(b"1")
        assert read_all(client).endswith(b"\r\n\r\n" + worker.encode())
    server.wait_for(f"Child process [{worker}] serves again.")
    assert not [line for line in server.log if "died" in line]


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (signal.SIGKILL, "killed by SIGKILL, as the system does when memory runs out."),
        (signal.SIGSEGV, "killed by SIGSEGV."),
    ],
)
def test_15_of_a_worker_that_dies_the_reason_is_told(project: Project, number: signal.Signals, reason: str) -> None:
    project.write("busy.py", BUSY)
    server = project.serve("busy:app", "--workers", "2")
    url = server.url
    server.wait_for("Using tricorn")
    worker = int(httpx.get(url, timeout=DEADLINE).text)
    os.kill(worker, number)
    assert server.wait_for("died").endswith(f"Child process [{worker}] died: {reason}")


# --- 16: a proxy that keeps connections for longer than the server ----------------------------------------------------


def test_16_a_proxy_is_noticed_once_with_what_to_set(project: Project) -> None:
    server = project.serve("main:app")
    url = server.url
    for _ in range(2):
        httpx.get(url, headers={"x-forwarded-for": "203.0.113.7"}, timeout=DEADLINE)
    server.end(signal.SIGTERM)
    (line,) = (line for line in server.log if "proxy is in front" in line)
    assert line.endswith("Set --timeout-keep-alive 75, or --behind-proxy.")


def test_16_behind_proxy_keeps_connections_and_trusts_private_networks(project: Project) -> None:
    server = project.serve("main:app", "--behind-proxy", "--forwarded-allow-ips", "unix")
    httpx.get(server.url, headers={"x-forwarded-for": "203.0.113.7"}, timeout=DEADLINE)
    server.end(signal.SIGTERM)
    assert not [line for line in server.log if "proxy is in front" in line]
    config = Config("main:app", behind_proxy=True, log_config=None)
    assert config.timeout_keep_alive == 75
    trusted = TrustedPeers(config.forwarded_allow_ips)
    assert [peer in trusted for peer in ("10.1.2.3", "172.18.0.3", "::1", None)] == [True] * 4
    assert [peer in trusted for peer in ("203.0.113.7", "172.32.0.1", "169.254.169.254", "")] == [False] * 4
    own = Config("main:app", behind_proxy=True, timeout_keep_alive=5, forwarded_allow_ips="::1", log_config=None)
    assert (own.timeout_keep_alive, own.forwarded_allow_ips) == (5, "::1")


# --- 17: "Invalid HTTP request received" ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "status", "reason"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "a TLS handshake on a port that speaks plain HTTP"),
        (
            b"GET /%b HTTP/1.1\r\n\r\n" % (b"a" * 20_000),
            414,
            "over the 16384 bytes of --limit-request-line",
        ),
        (b"GET / HTTP/1.1\r\nA: %b\r\n\r\n" % (b"a" * 70_000), 431, "over the 65536 bytes of --limit-request-head"),
        (
            b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 300 + b"\r\n",
            431,
            "more than the 256 fields of --limit-request",
        ),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "no Host field in an HTTP/1.1 request"),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n",
            413,
            "a request body of 99 bytes, over the 9 of --limit-request-body",
        ),
    ],
    ids=["TLS", "line", "head", "fields", "host", "body"],
)
def test_17_what_is_wrong_with_a_request_is_told_with_the_option_that_decides(
    project: Project, request_: bytes, status: int, reason: str
) -> None:
    server = project.serve("main:app", "--limit-request-body", "9")
    url = httpx.URL(server.url)
    with connect((url.host, url.port or 0)) as client:
        client.sendall(request_)
        assert read_until(client, b"\r\n").startswith(b"HTTP/1.1 %d " % status)
    assert reason in server.wait_for("Invalid HTTP request received.")
