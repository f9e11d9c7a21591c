"""What people stumble over when they run ASGI applications, and what happens here instead: points 18 to 25 of 25."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import threading

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect as connect_websocket

import tricorn
from tests.compiler import PREFERRED
from tests.servers import DEADLINE, connect, read_until
from tests.stumbling.project import Project

# --- 18: blocking code ------------------------------------------------------------------------------------------------


def test_18_who_blocks_the_event_loop_is_named_with_the_line(project: Project) -> None:
    server = project.serve("main:app", program=("-m", "tricorn", "dev"))
    httpx.get(server.url + "/pause", timeout=DEADLINE)
    line = server.wait_for("Event loop blocked")
    assert re.search(r"for \d+\.\d s by GET /pause in main\.py:\d+ in app: time\.sleep\(1\.0\)", line)


def test_18_in_production_the_lag_is_a_metric(project: Project) -> None:
    server = project.serve("main:app", "--plugin", "metrics")
    page = httpx.get(server.url + "/metrics", timeout=DEADLINE).text
    assert re.search(r"^tricorn_event_loop_lag_seconds [\d.e-]+$", page, re.MULTILINE)


# --- 19: an error of the start-up is swallowed ------------------------------------------------------------------------

LIFESPANS = """
async def declines(scope, receive, send):
    raise NotImplementedError("no lifespan")

async def fails(scope, receive, send):
    await receive()
    raise ConnectionError("no database")
"""


def test_19_an_application_without_lifespan_is_told_from_one_whose_start_fails(project: Project) -> None:
    project.write("lifespans.py", LIFESPANS)
    server = project.serve("lifespans:declines")
    server.wait_for("ASGI 'lifespan' protocol appears unsupported.")
    server.wait_for("Application startup complete.")
    ended = project.ended("lifespans:fails")
    assert ended.status == 3
    assert "ConnectionError: no database" in ended.log
    assert "appears unsupported" not in ended.log


# --- 20: WebSockets that close ----------------------------------------------------------------------------------------


def test_20_a_websocket_that_the_application_rejects_says_so(project: Project) -> None:
    server = project.serve("main:app")
    with pytest.raises(InvalidStatus, match="403"):
        connect_websocket(server.url.replace("http", "ws") + "/ws/x", open_timeout=DEADLINE)
    line = server.wait_for("connection rejected")
    assert line.endswith("connection rejected by the application before accepting it (no route for /ws/x?)")


@pytest.mark.parametrize("ws", ["frames", "websockets", "wsproto"])
def test_20_a_close_for_the_size_of_a_message_names_the_option(project: Project, ws: str) -> None:
    server = project.serve("main:app", "--ws", ws, "--ws-max-size", "99")
    with connect_websocket(server.url.replace("http", "ws") + "/echo", open_timeout=DEADLINE) as websocket:
        websocket.send(b"a" * 100)
        with pytest.raises(ConnectionClosed, match="1009"):
            websocket.recv(DEADLINE)
    assert server.wait_for("size of a message").endswith("--ws-max-size is 99 here")


def test_20_a_close_for_a_ping_without_an_answer_names_the_option(project: Project) -> None:
    server = project.serve("main:app", "--ws-ping-interval", "0.1", "--ws-ping-timeout", "0.1")
    url = httpx.URL(server.url)
    with connect((url.host, url.port or 0)) as client:
        client.sendall(
            b"GET /echo HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        read_until(client, b"101")
        line = server.wait_for("ping was not answered")
    assert line.endswith("connection lost: a ping was not answered within 0.1 s (--ws-ping-timeout)")


# --- 21: notebooks and threads ----------------------------------------------------------------------------------------


async def answers(scope: dict[str, str], receive: object, send: object) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": b"served"})  # type: ignore[operator]


def test_21_a_server_runs_in_a_thread_and_says_where() -> None:
    with tricorn.serve_in_thread(answers, lifespan="off", log_config=None) as server:
        assert httpx.get(server.url, timeout=DEADLINE).text == "served"


def test_21_run_in_a_notebook_says_what_to_do() -> None:
    async def cell() -> None:
        tricorn.run(answers)

    with pytest.raises(RuntimeError, match=r"one is running here already.*with tricorn.serve_in_thread\(app\)"):
        asyncio.run(cell())


def test_21_in_another_thread_no_signal_is_touched() -> None:
    before = signal.getsignal(signal.SIGINT)
    server = tricorn.Server(tricorn.Config(answers, port=0, lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    server.should_exit = True
    thread.join(DEADLINE)
    assert not thread.is_alive()
    assert signal.getsignal(signal.SIGINT) is before


# --- 22: frozen programs, and those without a console -----------------------------------------------------------------

FROZEN = """
import sys, urllib.request
import importlib.metadata

sys.frozen = True
sys.stdout = sys.stdin = None
importlib.metadata.distributions = lambda **where: []  # an executable has none, unless somebody puts them in

import tricorn
from main import app

sys.stderr, console = None, sys.stderr
with tricorn.serve_in_thread(app) as server:
    text = urllib.request.urlopen(server.url, timeout=30).read().decode()
    chosen = " ".join(str(plugin) for plugin in server.config.selected["http"] + server.config.selected["ws"])
print(text, chosen, file=console)
"""


def test_22_a_frozen_program_without_metadata_or_console_serves(project: Project) -> None:
    """`pytest tests/frozen` freezes one with PyInstaller, which takes minutes."""
    project.write("windowed.py", FROZEN)
    ended = project.ended(program=("windowed.py",))
    assert ended.log == f"http {PREFERRED} {tricorn.__version__} frames {tricorn.__version__}\n"
    assert ended.status == 0


# --- 23: the wrong environment ----------------------------------------------------------------------------------------


def test_23_a_missing_module_is_told_with_the_interpreter_and_the_environment_that_has_it(project: Project) -> None:
    project.write(".venv/lib/python3.11/site-packages/absent_here/__init__.py", "")
    project.write("needing.py", "import absent_here\n")
    ended = project.ended("needing:app")
    assert f"There is no module 'absent_here' for {sys.executable}." in ended.log
    assert ".venv here has it: .venv/bin/python -m tricorn." in ended.log
    assert "importlib" not in ended.log


# --- 24: local https --------------------------------------------------------------------------------------------------


def test_24_a_certificate_that_is_missing_is_named_in_one_line(project: Project) -> None:
    ended = project.ended("main:app", "--ssl-certfile", "cert.pem")
    assert ended.status == 3
    assert "Cannot read the TLS certificate cert.pem (--ssl-certfile): no such file or directory." in ended.log
    assert "Traceback" not in ended.log


# --- 25: what is no ASGI application, and memory that grows -----------------------------------------------------------

OTHERS = """
import flask

class Router: ...

router = Router()
site = flask.Flask(__name__)

@site.get("/")
def index():
    return "by Flask"
"""


def test_25_what_is_no_asgi_application_is_refused_and_flask_is_served(project: Project) -> None:
    project.write("others.py", OTHERS)
    ended = project.ended("others:router")
    assert ended.status == 3
    assert '"others:router" is a Router, not an ASGI application.' in ended.log
    assert httpx.get(project.serve("others:site").url, timeout=DEADLINE).text == "by Flask"


COUNTING = """
import gc

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    body = b""
    if scope["path"] == "/objects":
        gc.unfreeze()
        gc.collect()
        body = b"%d" % len(gc.get_objects())
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
"""


@pytest.mark.parametrize("options", ["--http httptools --loop uvloop", "--http h11 --loop asyncio"])
def test_25_nothing_grows_over_10_000_requests_and_1_000_connections(project: Project, options: str) -> None:
    project.write("counting.py", COUNTING)
    url = httpx.URL(project.serve("counting:app", *options.split(), patience=4 * DEADLINE).url)
    address = (url.host, url.port or 0)

    def use(connections: int, requests: int) -> None:
        for number in range(connections):
            paths = [f"/{number}/{n}?q={n}" for n in range(requests)]
            lines = [f"GET {path} HTTP/1.1\r\nHost: test\r\nX-{number}: {path}\r\n\r\n" for path in paths]
            with connect(address) as client:
                client.sendall("".join(lines).encode() + b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                read_until(client, b"connection: close\r\n")

    def objects() -> int:
        return int(httpx.get(f"{url}/objects", timeout=DEADLINE).text)

    use(300, 10)  # what is remembered up to a bound has reached it
    before = objects()
    use(1024, 10)  # five times that bound, at which what is remembered starts over: as much of it is there as before
    assert objects() - before < 500
