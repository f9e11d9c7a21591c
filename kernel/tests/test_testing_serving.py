"""`tricorn.testing.serve`: ready when the block begins, gone when it ends."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from tricorn.testing import serve


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"served"})


async def test_the_server_is_there_inside_the_block_and_only_there() -> None:
    async with serve(app) as url, httpx.AsyncClient() as client:
        assert (await client.get(url + "/")).text == "served"
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(url + "/")


async def test_start_and_shutdown_of_the_application_have_run() -> None:
    events: list[str] = []

    async def lifespan(scope: Any, receive: Any, send: Any) -> None:
        while not events or events[-1] != "lifespan.shutdown":
            events.append((await receive())["type"])
            await send({"type": events[-1] + ".complete"})

    async with serve(lifespan):
        assert events == ["lifespan.startup"]
    assert events == ["lifespan.startup", "lifespan.shutdown"]


async def test_options_are_those_of_the_configuration(tmp_path: Path) -> None:
    async with serve(app, uds=str(tmp_path / "s")) as url:
        assert url == f"unix:{tmp_path / 's'}"
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(tmp_path / "s"))) as client:
            assert (await client.get("http://localhost/")).text == "served"


async def test_a_server_that_cannot_start_raises(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RuntimeError, match="the log says why"):
        async with serve(object()):
            raise AssertionError("it started")
    assert "not an ASGI application" in caplog.text


async def test_what_the_block_raises_comes_through_and_ends_the_server() -> None:
    with pytest.raises(LookupError):
        async with serve(app) as url:
            raise LookupError
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(url + "/")


async def test_a_request_that_waits_is_cancelled_in_the_end() -> None:
    cancelled = asyncio.Event()
    called = asyncio.Event()

    async def waits(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        called.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with serve(waits, timeout_graceful_shutdown=0.1) as url, httpx.AsyncClient() as client:
        request = asyncio.ensure_future(client.get(url))
        await called.wait()
    assert cancelled.is_set()
    assert isinstance(await asyncio.gather(request, return_exceptions=True), list)
