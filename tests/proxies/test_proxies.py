"""nginx, HAProxy and Caddy with the configurations of the documentation, in front of a server.

Not part of the default run: they need the programs, which `.ci/run` installs.
"""

from __future__ import annotations

import hashlib
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.load import Load
from tests.pages import DOCS, block, commands
from tests.servers import DEADLINE, CommandLine

BODY = bytes(range(256)) * 40_000
"""10 MB."""


class Behind(NamedTuple):
    """A server behind a proxy: the URL is the proxy's."""

    url: str
    server: CommandLine


Start = Callable[..., Behind]


def command_of(page: str) -> list[str]:
    """The arguments with which a page starts the server."""
    program, *arguments = shlex.split(commands(DOCS / page)[0])
    assert program == "tricorn"
    return arguments


def nginx(folder: Path, port: int, arguments: list[str]) -> tuple[list[str], list[str]]:
    """The server's arguments and the command of nginx; they meet at a UNIX socket."""
    path = folder / "app.sock"
    arguments[arguments.index("--uds") + 1] = str(path)
    text = block("howto/nginx.md", "nginx.conf").replace("/run/app/tricorn.sock", str(path))
    text = text.replace("listen 8080", f"listen 127.0.0.1:{port}")
    own = "".join(
        f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(text.replace("http {", f"http {{\naccess_log off;\n{own}"))
    settings = f"daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;"
    return arguments, ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", settings]


def haproxy(folder: Path, port: int, arguments: list[str]) -> tuple[list[str], list[str]]:
    """The server's arguments and the command of HAProxy; the server's port is known when it runs."""
    arguments[arguments.index("--port") + 1] = "0"
    text = block("howto/haproxy.md", "haproxy.cfg").replace("bind :8080", f"bind 127.0.0.1:{port}")
    (folder / "haproxy.cfg").write_text(text)
    return arguments, ["haproxy", "-db", "-f", str(folder / "haproxy.cfg")]


def caddy(folder: Path, port: int, arguments: list[str]) -> tuple[list[str], list[str]]:
    """The same for Caddy, which would fetch a certificate for a name of its own and write below the home directory."""
    arguments[arguments.index("--port") + 1] = "0"
    text = block("howto/caddy.md", "Caddyfile").replace("example.com", f"http://:{port}")
    (folder / "Caddyfile").write_text("{\nadmin off\ndefault_bind 127.0.0.1\n}\n" + text)
    homes = [f"XDG_{name}_HOME={folder}" for name in ("CONFIG", "DATA")]
    run = ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
    return arguments, ["env", *homes, *run]


PREPARE = {"nginx": nginx, "haproxy": haproxy, "caddy": caddy}


@pytest.fixture(params=PREPARE)
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    """Start a server as the proxy's page says, with further options, and the proxy in front of it."""
    proxy = request.param
    with ExitStack() as stack:

        def launch(*options: str) -> Behind:
            # Bound and never listening: the port stays ours until the proxy shares it.
            reserved = stack.enter_context(socket.socket())
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            reserved.bind(("127.0.0.1", 0))
            port = reserved.getsockname()[1]
            arguments, command = PREPARE[proxy](tmp_path, port, command_of(f"howto/{proxy}.md"))
            arguments[0] = "tests.proxies.app:app"
            server = stack.enter_context(CommandLine(*arguments, *options, directory=tmp_path))
            line = server.wait_for(" running on ")
            if match := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                path = Path(command[-1])
                path.write_text(path.read_text().replace("127.0.0.1:8000", f"127.0.0.1:{match[1]}"))
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=sys.stderr)
            stack.callback(process.wait, DEADLINE)
            stack.callback(process.terminate)
            wait_for(f"http://127.0.0.1:{port}/health", process)
            return Behind(f"http://127.0.0.1:{port}", server)

        yield launch


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Return when the proxy answers; it has no other way to say that it does."""
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until:
        assert process.poll() is None, "the proxy did not start"
        try:
            if httpx.get(url, timeout=DEADLINE).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the proxy does not answer")


def test_the_application_sees_the_client_and_its_host(start: Start) -> None:
    behind = start()
    with httpx.Client(base_url=behind.url) as client:
        found = client.get("/scope", headers={"X-Forwarded-Proto": "https"}).json()
    assert found["client"] == ["127.0.0.1", 0]
    assert found["scheme"] == "http"  # the proxy's word, not the client's
    assert f"http://{found['host']}" == behind.url


def test_uploads_arrive_whole_in_both_framings(start: Start) -> None:
    expected = hashlib.sha256(BODY).hexdigest()
    with httpx.Client(base_url=start().url, timeout=DEADLINE) as client:
        assert client.post("/upload", content=BODY).text == expected
        pieces = (BODY[at : at + 100_000] for at in range(0, len(BODY), 100_000))
        assert client.post("/upload", content=pieces).text == expected


def test_events_pass_at_once(start: Start) -> None:
    with httpx.Client(base_url=start().url, timeout=DEADLINE) as client, client.stream("GET", "/stream") as response:
        lines = response.iter_lines()
        assert next(lines) == "data: first"
        assert client.get("/release").text == "released"
        assert list(lines) == ["", "data: second", ""]


def test_websockets_pass_with_their_close_code(start: Start) -> None:
    url = start().url.replace("http", "ws", 1)
    with connect(url, open_timeout=DEADLINE) as websocket:
        for message in ("text", b"binary", "a" * 100_000):
            websocket.send(message)
            assert websocket.recv(timeout=DEADLINE) == message
        websocket.send("close")
        with pytest.raises(ConnectionClosed) as caught:
            websocket.recv(timeout=DEADLINE)
    assert caught.value.rcvd is not None
    assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4001, "as asked")


def test_a_rolling_restart_fails_no_request(start: Start) -> None:
    behind = start("--workers", "2")
    with Load(behind.url) as load:
        load.wait_for(200)
        before = set(load.answers)
        behind.server.popen.send_signal(signal.SIGHUP)
        for _ in range(2):
            behind.server.wait_for("Application startup complete")
        while set(load.answers[-20:]) & before:
            load.wait_for(20)
    assert load.lost == []
