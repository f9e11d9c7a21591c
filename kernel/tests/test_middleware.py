"""The facade's middleware: what it logs, and what it makes of other kinds of applications."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

import httpx
import pytest

from tricorn.logging import TRACE_LOG_LEVEL
from tricorn.middleware.asgi2 import ASGI2Middleware
from tricorn.middleware.message_logger import MessageLoggerMiddleware
from tricorn.middleware.wsgi import WSGIMiddleware
from tricorn.testing import serve


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        raise NotImplementedError
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"secret", b"token")]})
    await send({"type": "http.response.body", "body": b"secret body"})


async def test_every_event_is_logged_without_what_is_long_or_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(TRACE_LOG_LEVEL, "tricorn.asgi")
    async with serve(app, lifespan="off") as url, httpx.AsyncClient() as client:
        await client.post(url, content=b"secret request")
    texts = [record.getMessage().partition(" - ")[2] for record in caplog.records if record.name == "tricorn.asgi"]
    assert [text.split(" scope=")[0].split(" {")[0] for text in texts] == [
        "ASGI [1] Started",
        "ASGI [1] Receive",
        "ASGI [1] Send",
        "ASGI [1] Send",
        "ASGI [1] Completed",
    ]
    assert "'body': '<14 bytes>'" in texts[1]
    assert "'body': '<11 bytes>'" in texts[3]
    assert not [text for text in texts if "secret" in text]


async def test_an_exception_is_logged_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(TRACE_LOG_LEVEL, "tricorn.asgi")
    with pytest.raises(NotImplementedError):
        await MessageLoggerMiddleware(app)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
    assert caplog.messages == ["ASGI [1] Started scope={'type': 'lifespan'}", "ASGI [1] Raised exception"]


async def test_the_level_trace_switches_it_on(caplog: pytest.LogCaptureFixture) -> None:
    async with serve(app, log_level="trace") as url, httpx.AsyncClient() as client:
        await client.get(url)
    logging.getLogger("tricorn.asgi").setLevel(logging.INFO)
    assert "Completed" in caplog.text


async def test_asgi2_and_wsgi_applications_are_adapted() -> None:
    class Asgi2:
        def __init__(self, scope: Any) -> None:
            self.scope = scope

        async def __call__(self, receive: Any, send: Any) -> None:
            await app(self.scope, receive, send)

    def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [b"secret body"]

    for adapted in (ASGI2Middleware(Asgi2), WSGIMiddleware(wsgi, workers=2)):
        async with serve(adapted, lifespan="off") as url, httpx.AsyncClient() as client:
            assert (await client.get(url)).text == "secret body"
