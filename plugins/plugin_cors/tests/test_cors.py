"""A 500 from outside the application's CORS middleware can be read by local pages, and the log says what happens."""

from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest

from tricorn.testing import serve

ORIGIN = "http://localhost:3000"


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise NotImplementedError
    path = scope["path"]
    if path == "/raises":
        raise ValueError("a mistake")
    headers = [(b"access-control-allow-origin", b"http://chosen")] if path == "/allowed" else []
    await send({"type": "http.response.start", "status": 200 if path == "/" else 500, "headers": headers})
    await send({"type": "http.response.body", "body": b"by the application"})


async def get(path: str, origin: str | None) -> httpx.Response:
    async with serve(app, plugins=["cors"]) as url, httpx.AsyncClient() as client:
        return await client.get(url + path, headers={"origin": origin or url})


@pytest.mark.parametrize("path", ["/raises", "/answers"])
@pytest.mark.parametrize("origin", [ORIGIN, "http://127.0.0.1:1", "https://app.localhost", "http://[::1]:5173"])
async def test_a_local_page_reads_the_500_and_the_log_says_why(
    path: str, origin: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "tricorn.error")
    answer = await get(path, origin)
    assert answer.status_code == 500
    assert answer.text == ("Internal Server Error" if path == "/raises" else "by the application")
    assert answer.headers["access-control-allow-origin"] == origin
    text = f"A browser shows this 500 of GET {path!r} to {origin!r} as a CORS error"
    assert [line for line in caplog.messages if line.startswith(text)]
    assert ("Exception in ASGI application" in caplog.messages) == (path == "/raises")


@pytest.mark.parametrize("origin", ["https://example.com", "null", "http://localhost.example.com", "http://["])
async def test_a_page_of_another_machine_reads_nothing(origin: str, caplog: pytest.LogCaptureFixture) -> None:
    answer = await get("/raises", origin)
    assert answer.status_code == 500
    assert "access-control-allow-origin" not in answer.headers
    assert [line for line in caplog.messages if line.endswith("as a CORS error: it comes from outside the "
                                                              "application's CORS middleware.")]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "origin", "allowed"), [("/", ORIGIN, None), ("/allowed", ORIGIN, "http://chosen"), ("/raises", None, None)]
)
async def test_what_is_no_cors_error_passes_as_it_is(
    path: str, origin: str | None, allowed: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await get(path, origin)
    assert answer.headers.get("access-control-allow-origin") == allowed
    assert not [line for line in caplog.messages if "CORS" in line]
