"""The sockets of a socket unit are served, and what is none is told."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import tricorn_listener_systemd as plugin

DEADLINE = 30.0

ACTIVATE = """
import os, sys
descriptors = [os.dup(int(text)) for text in sys.argv[1:3]]
for place, descriptor in enumerate(descriptors, 3):
    os.dup2(descriptor, place)
    os.set_inheritable(place, True)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.executable, [sys.executable, "-m", "tricorn", *sys.argv[3:]])
"""
"""Does what systemd does between fork and exec: the descriptors become 3 and 4, and the process id is known."""

APP = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": repr(scope["server"]).encode()})
"""


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["one process", "workers"])
def test_all_sockets_of_the_unit_are_served(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "main.py").write_text(APP)
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        flags = ["main:app", "--listener", "systemd", "--app-dir", str(tmp_path), *arguments]
        descriptors = first.fileno(), second.fileno()
        with subprocess.Popen(
            [sys.executable, "-c", ACTIVATE, *map(str, descriptors), *flags],
            pass_fds=descriptors, env={**os.environ, "LISTEN_FDS": "2"}, stderr=subprocess.PIPE,
        ) as popen:  # fmt: skip
            try:
                for sock in (first, second):
                    port = sock.getsockname()[1]
                    assert str(port) in httpx.get(f"http://127.0.0.1:{port}/", timeout=DEADLINE).text
            finally:
                popen.send_signal(signal.SIGINT)
            assert popen.wait(DEADLINE) == 0


@pytest.mark.parametrize(
    "variables", [{}, {"LISTEN_FDS": "0", "LISTEN_PID": "own"}, {"LISTEN_FDS": "1", "LISTEN_PID": "1"}]
)
def test_without_a_socket_for_this_process_it_says_so(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LISTEN_FDS", "LISTEN_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value.replace("own", str(os.getpid())))
    with pytest.raises(OSError, match="systemd has passed no socket to this process"):
        plugin.open_sockets(None)


def test_a_descriptor_that_is_no_listening_stream_socket_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        monkeypatch.setattr(plugin, "FIRST", sock.fileno())
        with pytest.raises(OSError, match="which is no listening stream socket"):
            plugin.open_sockets(None)
    with open(os.devnull) as file:
        monkeypatch.setattr(plugin, "FIRST", file.fileno())
        with pytest.raises(OSError, match=f"descriptor {file.fileno()}, which is no socket"):
            plugin.open_sockets(None)
