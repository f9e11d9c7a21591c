"""The probes of the page about Kubernetes, sent to a server that the page's command line has started."""

from __future__ import annotations

import os
import signal
import socket
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.pages import block
from tests.servers import DEADLINE, CommandLine

POD = yaml.safe_load(block("howto/kubernetes.md", "app.yaml"))["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")

APP = """
import asyncio, pathlib

started = False

async def app(scope, receive, send):
    global started
    if scope["type"] == "lifespan":
        await receive()
        await asyncio.sleep(0)
        started = True
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    healthy = scope["path"] == "/health" and started
    await send({"type": "http.response.start", "status": 200 if healthy or scope["path"] == "/slow" else 503,
                "headers": []})
    if scope["path"] == "/slow":
        await send({"type": "http.response.body", "body": b"begun, ", "more_body": True})
        await asyncio.to_thread(pathlib.Path(__file__).with_name("released").read_text)
    await send({"type": "http.response.body", "body": b"done"})
"""


def probe(settings: dict[str, Any], url: str) -> None:
    """What the kubelet does. Raises when the probe fails; a status below 400 is success."""
    if "httpGet" in settings:
        httpx.get(url + settings["httpGet"]["path"], timeout=DEADLINE).raise_for_status()
    else:
        host, _, port = url.removeprefix("http://").partition(":")
        socket.create_connection((host, int(port)), DEADLINE).close()


def test_every_probe_asks_the_port_that_is_served() -> None:
    (port,) = CONTAINER["ports"]
    probes = [CONTAINER[name] for name in PROBES]
    asked = {(settings.get("httpGet") or settings["tcpSocket"])["port"] for settings in probes}
    assert asked == {port["containerPort"]}
    command = CONTAINER["command"]
    assert command[command.index("--port") + 1] == str(port["containerPort"])


def test_the_grace_period_is_longer_than_what_happens_in_it() -> None:
    command = CONTAINER["command"]
    graceful = int(command[command.index("--timeout-graceful-shutdown") + 1])
    _, before = CONTAINER["lifecycle"]["preStop"]["exec"]["command"]
    assert POD["terminationGracePeriodSeconds"] > int(before) + graceful


def test_probes_succeed_while_it_serves_and_fail_during_the_shutdown(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(APP)
    os.mkfifo(tmp_path / "released")
    _, *arguments = CONTAINER["command"]
    arguments[arguments.index("--port") + 1] = "0"
    with CommandLine(*arguments, "--app-dir", str(tmp_path), directory=tmp_path) as server:
        url = server.url.replace("0.0.0.0", "127.0.0.1")
        for name in PROBES:
            probe(CONTAINER[name], url)
        with httpx.Client(timeout=DEADLINE) as client, client.stream("GET", url + "/slow") as response:
            pieces = response.iter_text()
            assert next(pieces) == "begun, "
            server.popen.send_signal(signal.SIGTERM)
            server.wait_for("Waiting for connections to close.")
            for name in PROBES:
                with pytest.raises((httpx.ConnectError, ConnectionRefusedError)):
                    probe(CONTAINER[name], url)
            threading.Thread(target=(tmp_path / "released").write_text, args=("now",)).start()
            assert "".join(pieces) == "done"
        assert server.end() == -signal.SIGTERM
