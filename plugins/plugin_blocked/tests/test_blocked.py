"""A blocked event loop is told with the request and the line."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tricorn.testing import serve

DEADLINE = 30.0


class Messages(logging.Handler):
    """The messages of the server's log, from whatever thread."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.more = threading.Condition()

    def emit(self, record: logging.LogRecord) -> None:
        with self.more:
            self.texts.append(record.getMessage())
            self.more.notify_all()

    def wait_for(self, text: str) -> str:
        """The first message with a text, once it has come."""

        def found() -> list[str]:
            return [message for message in self.texts if text in message]

        with self.more:
            assert self.more.wait_for(found, DEADLINE), self.texts
            return found()[0]


@pytest.fixture
def messages() -> Iterator[Messages]:
    handler = Messages()
    logger = logging.getLogger("tricorn.error")
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    if scope["path"] == "/pause":
        app.block.wait(DEADLINE)  # type: ignore[attr-defined]
    elif scope["path"] == "/background":
        await asyncio.ensure_future(background())
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def background() -> None:
    app.block.wait(DEADLINE)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "who"), [("/pause", "GET /pause in .* in app"), ("/background", "the task background in .* in background")]
)
async def test_the_request_and_the_line_are_named(messages: Messages, path: str, who: str) -> None:
    app.block = threading.Event()  # type: ignore[attr-defined]
    told: list[str] = []

    def unblock() -> None:
        told.append(messages.wait_for("Event loop blocked"))
        app.block.set()  # type: ignore[attr-defined]

    thread = threading.Thread(target=unblock)
    thread.start()
    async with serve(app, plugins=["blocked"], blocked_after=0.3, lifespan="off") as url, httpx.AsyncClient() as client:
        await client.get(url + path, timeout=DEADLINE)
        await asyncio.to_thread(messages.wait_for, "Event loop runs again")
    thread.join()
    pattern = rf"Event loop blocked for \d\.\d s by {who}: app\.block\.wait\(DEADLINE\).*"
    assert re.fullmatch(pattern, told[0]), told


async def test_a_loop_that_turns_is_nothing_to_tell_of(messages: Messages) -> None:
    async with serve(app, plugins=["blocked"], lifespan="off") as url, httpx.AsyncClient() as client:
        await client.get(url + "/", timeout=DEADLINE)
    assert not [text for text in messages.texts if "Event loop" in text]


async def test_the_thread_ends_with_the_server(messages: Messages) -> None:
    async with serve(app, plugins=["blocked"], lifespan="off"):
        (thread,) = [t for t in threading.enumerate() if t.name == "tricorn-blocked"]
    started = time.monotonic()
    await asyncio.to_thread(thread.join, DEADLINE)
    assert not thread.is_alive(), time.monotonic() - started
