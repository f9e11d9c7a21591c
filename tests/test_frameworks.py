"""Frameworks beyond the three of `test_applications`, unchanged, behind the real command line, each with a real client.

Gradio, which starts its server itself, is in `test_exec`.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import socketio
from mcp import Client
from websockets.sync.client import connect as connect_websocket

from tests.servers import DEADLINE, CommandLine

PART = bytes(1 << 20)


class Framework(CommandLine):
    """A server process with the URL that it serves at."""

    def __init__(self, app: str, directory: Path) -> None:
        super().__init__(app, "--port", "0", "--timeout-graceful-streams", "0.2", directory=directory)
        self.address = self.url

    def interrupt(self) -> None:
        """Ctrl-C ends the process, with nothing to complain about."""
        assert self.end(signal.SIGINT) == 0
        assert not any("Traceback" in line or "ERROR" in line for line in self.log), "\n".join(self.log)


@pytest.fixture
def client(server: Framework) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.address, timeout=DEADLINE) as opened:
        yield opened


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Framework]:
    with Framework(request.param, tmp_path) as started:
        yield started


def served(*apps: str) -> pytest.MarkDecorator:
    """Run a test with each of the applications in `tests/apps`."""
    return pytest.mark.parametrize("server", [f"tests.apps.{app}:app" for app in apps], indirect=True, ids=apps)


@served("quart_app", "litestar_app")
def test_an_asgi_framework_serves_and_ends_with_its_clients_connected(server: Framework, client: httpx.Client) -> None:
    """Requests, an upload, server-sent events and a WebSocket; the last two are open when Ctrl-C comes."""
    assert client.get("/").json() == {"started": True}
    assert client.post("/size", content=(PART for _ in range(5))).json() == {"size": 5 * len(PART)}
    with (
        client.stream("GET", "/events") as events,
        connect_websocket("ws" + server.address.removeprefix("http") + "/echo") as websocket,
    ):
        lines = events.iter_lines()
        assert "tick" in next(lines)
        websocket.send("tea")
        assert websocket.recv(DEADLINE) == "tea"
        server.interrupt()


@pytest.mark.parametrize("server", ["examples.starlette_app:app", "examples.fastapi_app:app"], indirect=True)
def test_server_sent_events_do_not_keep_the_server(server: Framework, client: httpx.Client) -> None:
    """sse-starlette finds the server through its signal handler; FastAPI's plain stream is told that nobody listens."""
    with client.stream("GET", "/events") as events:
        lines = events.iter_lines()
        assert next(lines) == "data: 0"
        server.interrupt()


@served("socketio_app")
def test_socketio_polls(server: Framework) -> None:
    """A poll waits for news for up to half a minute, whoever else has left: so this one is cut."""
    with socketio.SimpleClient(reconnection=False) as client:
        client.connect(server.address, transports=["polling"], wait_timeout=DEADLINE)
        assert client.call("shout", "tea", timeout=DEADLINE) == "told tea"
        assert client.receive(DEADLINE) == ["shouted", "TEA"]
        server.popen.kill()


@served("socketio_app")
def test_socketio_moves_to_a_websocket_and_ends_with_its_client_connected(server: Framework) -> None:
    with socketio.SimpleClient(reconnection=False) as client:
        client.connect(server.address, wait_timeout=DEADLINE)
        assert client.call("shout", "tea", timeout=DEADLINE) == "told tea"
        assert client.receive(DEADLINE) == ["shouted", "TEA"]
        assert client.transport == "websocket"
        server.interrupt()


@served("mcp_app")
def test_an_mcp_client_calls_a_tool_and_the_server_ends_with_it_connected(server: Framework) -> None:
    async def talk() -> Any:
        async with Client(server.address + "/mcp") as client:
            tools = await client.list_tools()
            result = await client.call_tool("add", {"first": 2, "second": 3})
            await asyncio.to_thread(server.interrupt)
            return [tool.name for tool in tools.tools], result.structured_content

    assert asyncio.run(talk()) == (["add"], {"result": 5})


@served("flask_app")
def test_flask_is_served_over_wsgi(server: Framework, client: httpx.Client) -> None:
    """It is recognised without being told: two arguments instead of three."""
    assert client.get("/?q=tea").json() == {"scheme": "http", "query": "tea"}
    assert client.post("/size", content=(PART for _ in range(5))).json() == {"size": 5 * len(PART)}
    assert client.get("/numbers").text.split() == [str(number) for number in range(1000)]
    server.interrupt()
