"""Access lines in a format of one's own: what they know of a request, whoever has answered it."""

from __future__ import annotations

import socket
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest

from tricorn import Config, access
from tricorn.log_formats import formatted
from tricorn.logging import LOGGING_CONFIG
from tricorn.testing import serve

FORMAT = "%(m)s %(U)s %(s)s %(B)s %(b)s %({x-made}o)s %({x-sent}i)s"


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["path"] == "/raises":
        raise ValueError("a mistake")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-made", b'"here"')]})
    await send({"type": "http.response.body", "body": b"abc", "more_body": True})
    await send({"type": "http.response.body", "body": b"de"})


def serving(**options: Any) -> AbstractAsyncContextManager[str]:
    return serve(app, lifespan="off", log_config=LOGGING_CONFIG, access_log_format=FORMAT, **options)


async def test_a_line_has_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    async with serving() as url, httpx.AsyncClient() as client:
        await client.get(url + "/a", headers={"x-sent": "tea"})
        await client.head(url + "/b")
        await client.get(url + "/raises")
    assert capsys.readouterr().out.splitlines() == [
        "GET /a 200 5 5 %22here%22 tea",
        "HEAD /b 200 0 - %22here%22 -",
        "GET /raises 500 0 - - -",
    ]


async def test_a_request_that_never_reaches_the_application_has_a_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(limit_concurrency=1) as url, httpx.AsyncClient() as client:
        with socket.create_connection((httpx.URL(url).host, httpx.URL(url).port or 0)):
            assert (await client.get(url + "/full")).status_code == 503
    assert capsys.readouterr().out.splitlines() == ["GET /full 503 - - - -"]


async def test_what_succeeds_at_an_excluded_path_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(access_log_exclude="/health, /raises") as url, httpx.AsyncClient() as client:
        await client.get(url + "/health?full=1")
        await client.get(url + "/raises")
    assert capsys.readouterr().out.splitlines() == ["GET /raises 500 0 - - -"]


def test_paths_are_a_list_or_separated_by_commas() -> None:
    for given in ("/a, /b,", ["/a", "/b"]):
        assert access.excluded_paths(Config("app:app", access_log_exclude=given)) == {"/a", "/b"}


def test_a_configuration_without_the_formatters_is_refused() -> None:
    with pytest.raises(ValueError, match="'default' and 'access', which --log-config does not have"):
        formatted({"version": 1}, "time", None)
    assert formatted({"version": 1}, "plain", None) == {"version": 1}
