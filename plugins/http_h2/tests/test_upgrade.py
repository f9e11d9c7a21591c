"""The upgrade from HTTP/1.1 (RFC 7540 section 3.2): where the option is on, and only where it is asked for properly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hyperframe.frame import DataFrame, SettingsFrame

from plugins.http_h2.tests.peer import PREFACE, Peer, provider
from tricorn.api import Receive, Scope, Send
from tricorn.registry import Registry
from tricorn.testing.memory_server import DEADLINE, MemoryServer, memory_server

SETTINGS = b"AAMAAABkAAQAAQAA"
"""MAX_CONCURRENT_STREAMS 100, INITIAL_WINDOW_SIZE 65536."""
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: h2c\r\n\r\n"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with its version and the names of the fields."""
    body = f"{scope['http_version']} {scope['method']} {scope['path']} ".encode()
    body += b",".join(name for name, _ in scope["headers"])
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[MemoryServer]:
    http1 = Registry().load("http", "h11").provider
    async with memory_server(app, provider(), http1, http="h2,h11", **{"h2_upgrade": True, **options}) as server:
        yield server


class Upgrading(Peer):
    """Reads HTTP/1.1 until the connection has changed."""

    def __init__(self, server: MemoryServer) -> None:
        self.text = bytearray()
        self.switched = False
        super().__init__(server, begin=False)

    def _on_data(self, data: bytes) -> None:
        if not self.switched:
            self.text += data
            if not self.text.startswith(SWITCHED):
                self._changed.set()
                return
            self.switched = True
            data = bytes(self.text[len(SWITCHED) :])
        super()._on_data(data)


def request(*fields: bytes, method: bytes = b"GET", target: bytes = b"/a?b=c") -> bytes:
    return b"%b %b HTTP/1.1\r\nHost: test\r\nX: y\r\n%b\r\n" % (method, target, b"".join(f + b"\r\n" for f in fields))


ASKING = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: " + SETTINGS)


async def test_the_request_becomes_stream_1() -> None:
    async with serving() as server:
        peer = Upgrading(server)
        peer.send(request(*ASKING))
        assert await peer.status(1) == 200
        await peer.until(lambda: peer.ended(1))
        assert peer.body(1) == b"2 GET /a host,x"
        peer.send(PREFACE, SettingsFrame(), peer.request(3))
        assert await peer.status(3) == 200
        assert len(peer.of(SettingsFrame)) == 2


async def test_the_preface_may_come_with_the_request() -> None:
    async with serving() as server:
        peer = Upgrading(server)
        peer.send(request(*ASKING, method=b"HEAD"), PREFACE, SettingsFrame(), peer.request(3))
        assert await peer.status(1) == 200
        assert await peer.status(3) == 200
        assert not peer.of(DataFrame, 1)


@pytest.mark.parametrize("settings", [b"", b"AAQAAAAD"])
async def test_the_settings_of_the_request_count(settings: bytes) -> None:
    async with serving() as server:
        peer = Upgrading(server)
        peer.send(request(*ASKING[:2], b"HTTP2-Settings: " + settings))
        await peer.next(DataFrame, 1)
        await server.settle()
        assert peer.body(1) == (b"2 G" if settings else b"2 GET /a host,x")


async def test_invalid_settings_end_the_connection() -> None:
    async with serving() as server:
        peer = Upgrading(server)
        peer.send(request(*ASKING[:2], b"HTTP2-Settings: AAIAAAAC"))
        await peer.goaway(1)


@pytest.mark.parametrize(
    "sent",
    {
        "not_asked_for": request(),
        "no_settings": request(*ASKING[:2]),
        "two_settings": request(*ASKING, ASKING[2]),
        "settings_that_are_no_base64url": request(*ASKING[:2], b"HTTP2-Settings: A+/="),
        "settings_of_a_wrong_length": request(*ASKING[:2], b"HTTP2-Settings: AAQ"),
        "settings_not_of_the_connection": request(b"Connection: Upgrade", *ASKING[1:]),
        "upgrade_not_of_the_connection": request(b"Connection: HTTP2-Settings", *ASKING[1:]),
        "another_protocol": request(ASKING[0], b"Upgrade: h3c", ASKING[2]),
        "with_a_body": request(*ASKING, b"Content-Length: 0").replace(b": 0", b": 1") + b"x",
        "absolute_target": request(*ASKING, target=b"http://test/a?b=c"),
    }.items(),
    ids=lambda case: case[0],
)
async def test_anything_else_is_served_as_it_came(sent: tuple[str, bytes]) -> None:
    async with serving() as server:
        peer = Upgrading(server)
        peer.send(sent[1])
        await peer.until(lambda: b"1.1 GET /a" in peer.text)
        assert not peer.switched


@pytest.mark.parametrize(
    "sent", [request(*ASKING, b"Broken"), request(*ASKING, b"Host: other"), request(*ASKING, method=b"G(T")]
)
async def test_a_broken_request_is_refused_as_ever(sent: bytes) -> None:
    async with serving() as server:
        peer = Upgrading(server)
        peer.send(sent)
        await peer.until(lambda: peer.text.startswith(b"HTTP/1.1 400"))


async def test_a_request_in_pieces_is_served_as_it_came() -> None:
    """To take an upgrade is nobody's duty (RFC 9110 section 7.8)."""
    async with serving() as server:
        peer = Upgrading(server)
        for byte in request(*ASKING):
            peer.send(bytes((byte,)))
        await peer.until(lambda: b"1.1 GET /a" in peer.text)


async def test_without_the_option_nothing_is_upgraded() -> None:
    async with serving(h2_upgrade=False) as server:
        peer = Upgrading(server)
        peer.send(request(*ASKING))
        await asyncio.wait_for(peer.until(lambda: b"1.1 GET /a" in peer.text), DEADLINE)
        assert not peer.switched
