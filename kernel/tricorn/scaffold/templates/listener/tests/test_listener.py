"""Every address is served, and what cannot be had is told."""

from __future__ import annotations

import asyncio
import socket
import urllib.request
from types import SimpleNamespace
from typing import Any

import pytest

import tricorn
from tricorn_listener_example import open_sockets, parse

BOTH = [("127.0.0.1", 0), ("127.0.0.1", 0)]


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(scope["server"][1]).encode()})


def fetch(port: int) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=30) as response:
        body: bytes = response.read()
        return body


def test_every_address_is_served() -> None:
    async def run() -> None:
        options = {"lifespan": "off", "log_config": None, "example_address": BOTH}
        server = tricorn.Server(tricorn.Config(app, listen="example", **options))
        await server.startup()
        ports = [sock.getsockname()[1] for listening in server.servers for sock in listening.sockets]
        serving = asyncio.ensure_future(server.main_loop())
        try:
            assert len(set(ports)) == 2
            for port in ports:
                assert await asyncio.to_thread(fetch, port) == str(port).encode()
        finally:
            server.should_exit = True
            await serving
            await server.shutdown()

    asyncio.run(run())


def test_an_address_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = taken.getsockname()
        with pytest.raises(OSError, match=f"Cannot listen on 127.0.0.1:{address[1]}: "):
            open_sockets(SimpleNamespace(example_address=[*BOTH, address]))


def test_without_an_address_the_option_is_named() -> None:
    with pytest.raises(OSError, match="give --example-address"):
        open_sockets(SimpleNamespace(example_address=[]))


def test_an_address_has_a_host_and_a_port() -> None:
    assert parse("[::1]:80") == ("::1", 80)
    with pytest.raises(ValueError, match="'localhost' is no address"):
        parse("localhost")
