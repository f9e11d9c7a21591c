"""The real command line on every combination of plugins: it serves, logs, and ends cleanly on a signal."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect as connect_websocket

from tests.servers import COMBINATIONS, DEADLINE, HTTP, LOOP, WS, Combination, CommandLine

EXIT_STATUS = {signal.SIGINT: 0, signal.SIGTERM: -signal.SIGTERM}


def signal_for(combination: Combination) -> signal.Signals:
    """One of the two, so that every plugin meets both."""
    odd = (HTTP.index(combination.http) + WS.index(combination.ws) + LOOP.index(combination.loop)) % 2
    return signal.SIGTERM if odd else signal.SIGINT


@pytest.mark.parametrize("combination", COMBINATIONS, ids="-".join)
def test_fastapi_is_served_until_a_signal(combination: Combination, tmp_path: Path) -> None:
    number = signal_for(combination)
    arguments = ("examples.fastapi_app:app", "--port", "0", *combination.flags)
    with CommandLine(*arguments, directory=tmp_path, TMPDIR=str(tmp_path)) as server:
        url = server.url
        assert list(tmp_path.glob("tricorn-example-*")), "the application's start-up did not run"
        with httpx.Client(base_url=url, timeout=DEADLINE) as client:
            assert client.get("/").json() == {"message": "Hello from FastAPI"}
            assert client.get("/missing/tea%20pot?q=1").status_code == 404
            assert client.post("/checksum", content=b"abc").json()["size"] == 3
        with connect_websocket("ws" + url.removeprefix("http") + "/echo") as websocket:
            websocket.send("tea")
            assert websocket.recv(DEADLINE) == "tea"
        assert server.end(number) == EXIT_STATUS[number]
        output = [line.partition(" - ")[2] for line in server.output]

    assert output[:3] == ['"GET / HTTP/1.1" 200 OK', '"GET /missing/tea%20pot?q=1 HTTP/1.1" 404 Not Found',
                          '"POST /checksum HTTP/1.1" 200 OK']  # fmt: skip
    assert '"WebSocket /echo" [accepted]' in "\n".join(output + server.log)
    selection = next(line for line in server.log if "Using tricorn" in line)
    assert all(f"{kind} {name} " in selection + " " for kind, name in combination._asdict().items())
    assert [line.removeprefix("INFO:     ") for line in server.log if "pplication" in line] == [
        "Waiting for application startup.",
        "Application startup complete.",
        "Waiting for application shutdown.",
        "Application shutdown complete.",
    ]
    assert not any("Traceback" in line or "ERROR" in line for line in server.log)
    assert not list(tmp_path.glob("tricorn-example-*")), "the application's shutdown did not run"
