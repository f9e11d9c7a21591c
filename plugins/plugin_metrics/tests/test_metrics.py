"""The page counts what was served, and cannot be made to grow by clients."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
from prometheus_client import REGISTRY

from tricorn.testing import serve

DEADLINE = 30.0


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close"})
        return
    if scope["path"] == "/raise":
        raise RuntimeError("as asked")
    status = int(scope["path"].lstrip("/") or 200)
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def count(method: str, status: int) -> float:
    return REGISTRY.get_sample_value("tricorn_requests_total", {"method": method, "status": str(status)}) or 0.0


async def test_responses_are_counted_by_method_and_status() -> None:
    before = {key: count(*key) for key in (("GET", 200), ("POST", 404), ("other", 200), ("GET", 500))}
    async with serve(app, plugins=["metrics"], lifespan="off") as url, httpx.AsyncClient(base_url=url) as client:
        await client.get("/")
        await client.post("/404")
        await client.request("BREW", "/")
        await client.get("/raise")
        page = (await client.get("/metrics")).text
    assert {key: count(*key) - value for key, value in before.items()} == dict.fromkeys(before, 1.0)
    assert 'tricorn_requests_total{method="POST",status="404"} ' in page
    assert 'method="BREW"' not in page
    assert re.search(r"^tricorn_connections \d", page, re.MULTILINE)
    assert re.search(r"^tricorn_requests_in_progress 0", page, re.MULTILINE)
    assert re.search(r"^tricorn_event_loop_lag_seconds \d", page, re.MULTILINE)


async def test_websockets_are_counted() -> None:
    before = count("websocket", 403)
    async with serve(app, plugins=["metrics"], lifespan="off") as url:
        reader, writer = await asyncio.open_connection(*url.removeprefix("http://").split(":"))
        writer.write(
            b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert b" 403 " in await asyncio.wait_for(reader.readline(), DEADLINE)
        writer.close()
    assert count("websocket", 403) == before + 1


async def test_the_path_is_an_option_and_the_page_is_not_counted() -> None:
    before = count("GET", 200)
    options: dict[str, Any] = {"plugins": ["metrics"], "metrics_path": "/-/metrics", "lifespan": "off"}
    async with serve(app, **options) as url, httpx.AsyncClient(base_url=url) as client:
        assert "tricorn_connections" in (await client.get("/-/metrics")).text
    assert count("GET", 200) == before


def test_every_worker_answers_for_all(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "main.py").write_text(
        "async def app(scope, receive, send):\n"
        "    if scope['type'] == 'http':\n"
        "        await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "        await send({'type': 'http.response.body', 'body': b''})\n"
    )
    flags = ("--workers", "2", "--plugin", "metrics", "--port", "0", "--app-dir", str(tmp_path), "--no-access-log")
    with subprocess.Popen(
        [sys.executable, "-m", "tricorn", "main:app", *flags],
        stderr=subprocess.PIPE, text=True, env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "shared")},
    ) as process:  # fmt: skip
        assert process.stderr is not None
        watchdog = threading.Timer(DEADLINE, process.kill)
        watchdog.start()
        match = None
        while match is None:
            match = re.search(r"running on (\S+)", process.stderr.readline())
        for _ in range(20):
            httpx.get(match[1], timeout=DEADLINE)
        page = httpx.get(match[1] + "/metrics", timeout=DEADLINE).text
        process.send_signal(signal.SIGTERM)
        process.communicate()
        watchdog.cancel()
    assert process.returncode == 0
    assert 'tricorn_requests_total{method="GET",status="200"} 20.0' in page


def test_a_shared_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    ended = subprocess.run(
        [sys.executable, "-m", "tricorn", "main:app", "--plugin", "metrics"],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(missing)}, capture_output=True, text=True, timeout=DEADLINE,
    )  # fmt: skip
    assert ended.returncode == 3
    assert f"PROMETHEUS_MULTIPROC_DIR names {missing}, which is no directory" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
