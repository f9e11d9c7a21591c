"""The application is started before the first request and shut down after the last."""

from __future__ import annotations

import asyncio
import urllib.request
from typing import Any

import pytest

from tricorn.testing import serve

events: list[str] = []


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        for phase in ("startup", "shutdown"):
            events.append((await receive())["type"])
            scope["state"]["name"] = "example"
            await send({"type": f"lifespan.{phase}.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["state"]["name"].encode()})


async def failing(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as response:
        body: bytes = response.read()
        return body


def test_the_application_hears_of_start_and_end_and_its_state_reaches_requests() -> None:
    async def run() -> None:
        async with serve(app, lifespan="example") as url:
            assert events == ["lifespan.startup"]
            assert await asyncio.to_thread(fetch, url) == b"example"
        assert events == ["lifespan.startup", "lifespan.shutdown"]

    asyncio.run(run())


def test_a_failed_start_ends_the_server() -> None:
    async def run() -> None:
        async with serve(failing, lifespan="example"):
            raise AssertionError("the server started")

    with pytest.raises(RuntimeError):
        asyncio.run(run())
