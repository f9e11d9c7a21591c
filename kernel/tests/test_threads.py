"""A server in a thread: ready when the block begins, gone when it ends, on every loop, with TLS or without."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

import tricorn


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    loop = type(asyncio.get_running_loop()).__module__.partition(".")[0]
    await send({"type": "http.response.body", "body": loop.encode()})


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_it_serves_meanwhile(loop: str) -> None:
    with tricorn.serve_in_thread(app, loop=loop, log_config=None) as server:
        assert httpx.get(server.url).text == loop
        url = server.url
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
    assert [thread for thread in threading.enumerate() if thread.name == "tricorn"] == []


async def test_it_serves_a_program_whose_loop_runs() -> None:
    with tricorn.serve_in_thread(app, log_config=None) as server:
        async with httpx.AsyncClient() as client:
            assert (await client.get(server.url)).status_code == 200


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_tls_on_every_loop(loop: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "both")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    options = {"ssl_certfile": str(tmp_path / "both"), "loop": loop, "log_config": None}
    with tricorn.serve_in_thread(app, **options) as server, httpx.Client(verify=context) as client:
        assert server.url.startswith("https://")
        assert client.get(server.url).text == loop


def test_what_the_block_raises_ends_the_server_too() -> None:
    with pytest.raises(LookupError), tricorn.serve_in_thread(app, log_config=None) as server:
        raise LookupError
    assert not server.accepting


def test_a_server_that_cannot_start_raises(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(RuntimeError, match="could not start; the log says why"),
            tricorn.serve_in_thread(app, port=port, log_config=None),
        ):
            raise AssertionError("it started")
    assert "address already in use" in caplog.text


def test_a_configuration_that_cannot_be_raises() -> None:
    with pytest.raises(RuntimeError, match="could not start"), tricorn.serve_in_thread(app, logging="nothing"):
        raise AssertionError("it started")
