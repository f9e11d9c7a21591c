"""The plugin does what it is for when it is named, and nothing else."""

from __future__ import annotations

import asyncio
import urllib.request
from typing import Any

from tricorn.testing import serve
from tricorn_plugin_example import observer


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def header(url: str) -> str | None:
    with urllib.request.urlopen(url, timeout=30) as response:
        value: str | None = response.headers["x-example"]
        return value


def test_every_response_has_the_header_and_is_counted() -> None:
    async def run() -> None:
        async with serve(app, lifespan="off", plugins=["example"], example_header="mine") as url:
            before = observer.requests
            assert await asyncio.to_thread(header, url) == "mine"
            assert observer.requests == before + 1
            assert observer.errors == 0

    asyncio.run(run())


def test_a_server_that_does_not_name_the_plugin_is_unchanged() -> None:
    async def run() -> None:
        async with serve(app, lifespan="off") as url:
            assert await asyncio.to_thread(header, url) is None

    asyncio.run(run())
