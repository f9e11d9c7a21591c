"""Pages get the script at their end, whatever else is answered stays as it is, and the stream names the process."""

from __future__ import annotations

import asyncio
import gzip
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tricorn.testing import serve

DEADLINE = 30.0
BROWSER = {"accept": "text/html,*/*;q=0.8", "sec-fetch-dest": "document"}
PAGE = b"<!doctype html><title>tea</title><p>Tea</p>"
ELEMENT = b'\n<script src="/.tricorn/refresh.js"></script>\n'

go_on = asyncio.Event()


def response(path: str) -> tuple[int, dict[str, str], bytes]:
    """Status, fields and body for a path."""
    page = {"content-type": "text/html; charset=utf-8"}
    return {
        "/": (200, {**page, "content-length": str(len(PAGE)), "etag": '"1"'}, PAGE),
        "/unsized": (200, page, PAGE),
        "/upper": (200, {"Content-Type": "Text/HTML"}, PAGE),
        "/error": (500, page, PAGE),
        "/gone": (304, {**page, "etag": '"1"'}, b""),
        "/part": (206, {**page, "content-range": "bytes 0-3/43"}, PAGE[:4]),
        "/digest": (200, {**page, "repr-digest": "sha-256=:AAAA:"}, PAGE),
        "/json": (200, {"content-type": "application/json", "content-length": "2"}, b"{}"),
        "/text": (200, {"content-type": "text/plain"}, PAGE),
        "/gzip": (200, {**page, "content-encoding": "gzip"}, gzip.compress(PAGE)),
        "/nonce": (200, {**page, "content-security-policy": "script-src 'nonce-dGVh' 'strict-dynamic'"}, PAGE),
    }[path]


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["path"] == "/stream":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await go_on.wait()
        await send({"type": "http.response.body", "body": b"second", "more_body": True})
        await send({"type": "http.response.body"})
        return
    status, fields, body = response(scope["path"].removeprefix(scope["root_path"]))
    headers = [(name.encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serve(app, plugins=["refresh"], lifespan="off") as url,
        httpx.AsyncClient(base_url=url, timeout=DEADLINE) as opened,
    ):
        yield opened


@pytest.mark.parametrize("path", ["/", "/unsized", "/upper", "/error"])
async def test_a_page_has_the_script_at_its_end(client: httpx.AsyncClient, path: str) -> None:
    found = await client.get(path, headers=BROWSER)
    assert found.content == PAGE + ELEMENT
    assert found.headers.get("content-length", str(len(found.content))) == str(len(found.content))
    script = await client.get("/.tricorn/refresh.js")
    assert script.headers["content-type"] == "text/javascript"
    assert "EventSource" in script.text


@pytest.mark.parametrize("path", ["/gone", "/part", "/digest", "/json", "/text", "/gzip"])
async def test_what_is_no_whole_and_legible_page_stays_as_it_is(client: httpx.AsyncClient, path: str) -> None:
    async with client.stream("GET", path, headers=BROWSER) as found:
        body = b"".join([piece async for piece in found.aiter_raw()])
    status, fields, expected = response(path)
    assert (found.status_code, body) == (status, expected)
    assert {name: found.headers[name] for name in fields} == fields


@pytest.mark.parametrize(
    "fields",
    [{"accept": "*/*"}, {**BROWSER, "sec-fetch-dest": "empty"}, {**BROWSER, "sec-fetch-dest": "iframe"}],
    ids=["program", "script", "frame"],
)
async def test_who_asks_for_no_page_gets_none_of_it(client: httpx.AsyncClient, fields: dict[str, str]) -> None:
    found = await client.get("/", headers=fields)
    assert (found.content, found.headers["content-length"]) == (PAGE, str(len(PAGE)))


async def test_other_methods_are_left_alone_and_head_says_what_get_does(client: httpx.AsyncClient) -> None:
    assert (await client.post("/", headers=BROWSER)).content == PAGE
    head = await client.head("/", headers=BROWSER)
    assert head.content == b""
    assert head.headers["content-length"] == str(len(PAGE + ELEMENT))


async def test_a_page_is_streamed(client: httpx.AsyncClient) -> None:
    async with client.stream("GET", "/stream", headers=BROWSER) as found:
        pieces = found.aiter_bytes()
        assert await anext(pieces) == b"first"
        go_on.set()
        assert b"".join([piece async for piece in pieces]) == b"second" + ELEMENT


async def test_the_element_has_the_nonce_of_the_pages_policy(client: httpx.AsyncClient) -> None:
    found = await client.get("/nonce", headers=BROWSER)
    assert found.content == PAGE + ELEMENT.replace(b"></", b' nonce="dGVh"></')


async def test_below_a_root_path_the_script_is_below_it_too() -> None:
    async with (
        serve(app, plugins=["refresh"], lifespan="off", root_path="/site") as url,
        httpx.AsyncClient(base_url=url, timeout=DEADLINE) as client,
    ):
        assert b'src="/site/.tricorn/refresh.js"' in (await client.get("/", headers=BROWSER)).content
        assert "EventSource" in (await client.get("/.tricorn/refresh.js")).text


def test_several_workers_are_refused(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(PROGRAM)
    ended = subprocess.run(
        [sys.executable, "-m", "tricorn", "main:app", "--port", "0", "--workers", "2", "--plugin", "refresh"],
        cwd=tmp_path, capture_output=True, text=True, timeout=DEADLINE,
    )  # fmt: skip
    assert ended.returncode == 3
    assert "several serve here (--workers)" in ended.stderr


PROGRAM = """
async def app(scope, receive, send):
    raise NotImplementedError
"""


async def test_the_stream_ends_with_the_process_and_names_the_next_one(tmp_path: Path) -> None:
    program = tmp_path / "main.py"
    program.write_text(PROGRAM)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tricorn", "main:app", "--port", "0", "--reload", "--plugin", "refresh",
        cwd=tmp_path, stderr=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        url = await asyncio.wait_for(served_at(process), DEADLINE)
        async with httpx.AsyncClient(base_url=url, timeout=DEADLINE) as client:
            async with client.stream("GET", "/.tricorn/refresh") as found:
                lines = found.aiter_lines()
                assert await anext(lines) == "retry: 100"
                first = await anext(lines)
                program.write_text(PROGRAM + "\n# changed\n")
                assert [line async for line in lines] == [""]
            # Before, the old process may still take a connection, and close it: a browser asks once more then.
            await asyncio.wait_for(served_at(process), DEADLINE)
            async with client.stream("GET", "/.tricorn/refresh") as found:
                lines = found.aiter_lines()
                await anext(lines)
                second = await anext(lines)
        assert first.startswith("data: ")
        assert second.startswith("data: ")
        assert first != second
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


async def served_at(process: asyncio.subprocess.Process) -> str:
    """Where the server is, once it serves and looks for changes."""
    assert process.stderr is not None
    url = ""
    while line := (await process.stderr.readline()).decode():
        if " running on " in line:
            url = line.split(" running on ")[1].split()[0]
        if "Using tricorn" in line:
            return url
    raise AssertionError("it ended")
