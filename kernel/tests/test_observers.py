"""Observers hear of every application call, and side plugins of the server's start and stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tricorn.observers import observed
from tricorn.testing import serve

Install = Callable[..., None]


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        raise NotImplementedError
    if scope["path"] == "/raises":
        raise LookupError
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


class Recorder:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def request(self, scope: Any) -> None:
        self.told.append(("request", scope["path"]))

    def response(self, scope: Any, status: int) -> None:
        self.told.append(("response", scope["path"], status))

    def finished(self, scope: Any) -> None:
        self.told.append(("finished", scope["path"]))


async def test_an_observer_hears_of_the_whole_call_and_not_of_the_lifespan() -> None:
    recorder = Recorder()
    async with serve(observed(app, [recorder])) as url, httpx.AsyncClient() as client:
        await client.get(url + "/a")
    assert recorder.told == [("request", "/a"), ("response", "/a", 204), ("finished", "/a")]


async def test_a_call_that_raises_is_finished_too() -> None:
    recorder = Recorder()
    async with serve(observed(app, [recorder])) as url, httpx.AsyncClient() as client:
        assert (await client.get(url + "/raises")).status_code == 500
    assert recorder.told == [("request", "/raises"), ("finished", "/raises")]


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ({"type": "websocket.accept"}, 101),
        ({"type": "websocket.close"}, 403),
        ({"type": "websocket.http.response.start", "status": 418}, 418),
    ],
)
async def test_the_answer_to_a_websocket_handshake_is_a_response(event: dict[str, Any], status: int) -> None:
    async def answers(scope: Any, receive: Any, send: Any) -> None:
        await send(event)

    async def send(message: Any) -> None: ...

    recorder = Recorder()
    await observed(answers, [recorder])({"type": "websocket", "path": "/ws"}, None, send)  # type: ignore[arg-type]
    assert ("response", "/ws", status) in recorder.told


async def test_methods_that_an_observer_does_not_have_are_not_called() -> None:
    class Finished:
        calls = 0

        def finished(self, scope: Any) -> None:
            self.calls += 1

    observer = Finished()
    async with serve(observed(app, [observer])) as url, httpx.AsyncClient() as client:
        await client.get(url)
    assert observer.calls == 1


async def test_an_observer_that_fails_is_logged_and_dropped(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Recorder):
        def request(self, scope: Any) -> None:
            super().request(scope)
            raise RuntimeError("broken")

    failing, recorder = Failing(), Recorder()
    async with serve(observed(app, [failing, recorder])) as url, httpx.AsyncClient() as client:
        for _ in range(2):
            assert (await client.get(url)).status_code == 204
    assert [told[0] for told in failing.told].count("request") == 1
    assert [told[0] for told in recorder.told].count("request") == 2
    assert caplog.text.count("RuntimeError: broken") == 1


PLUGIN = """
import logging
from tricorn.api import hookimpl
tricorn_api = 1
log = logging.getLogger("tricorn.error")
@hookimpl
def tricorn_started(kernel): log.warning("started %s", type(kernel).__name__)
@hookimpl
def tricorn_stopping(kernel): raise ValueError("cannot sign off")
@hookimpl
def tricorn_app(app, settings):
    async def wrapped(scope, receive, send):
        scope["path"] = settings.acme_path
        await app(scope, receive, send)
    return wrapped
@hookimpl
def tricorn_options():
    from tricorn.api import Option
    return [Option("acme_path", "A path.", default="/raises")]
"""


async def test_a_side_plugin_is_told_and_may_wrap_the_application_and_have_options(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    install("acme", "1.0", {"tricorn.plugin": {"acme": "acme_side"}}, acme_side=PLUGIN)
    async with serve(app, plugins=["acme"]) as url, httpx.AsyncClient() as client:
        assert "started Kernel" in caplog.messages
        assert (await client.get(url)).status_code == 500
    async with serve(app, plugins=["acme"], acme_path="/") as url, httpx.AsyncClient() as client:
        assert (await client.get(url)).status_code == 204
    assert "The plugin 'acme' of acme 1.0 failed in tricorn_stopping." in caplog.messages
