"""The opening handshake of WebSockets, whoever reads the heads: one part of `Http1Suite`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from tricorn.api import WsCodec, WsProvider, WsSink
from tricorn.testing.calls import Call, Calls
from tricorn.testing.http1_base import BEHIND, Http1ServingSuite, request
from tricorn.testing.http1_client import Http1Client
from tricorn.testing.suite import each

__all__ = ["UpgradeChecks"]

_VERSION = b"Sec-WebSocket-Version: 13"
_KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
_PROOF = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""Of this key, in the example of RFC 6455."""
_ASKING = (b"Connection: Upgrade", b"Upgrade: websocket")
_USUAL = (*_ASKING, _VERSION, _KEY)

_BAD: dict[str, tuple[bytes, int]] = {
    "no_version": (request(*_ASKING, _KEY), 426),
    "old_version": (request(*_ASKING, _KEY, b"Sec-WebSocket-Version: 8"), 426),
    "versions_in_a_list": (request(*_ASKING, _KEY, b"Sec-WebSocket-Version: 13, 8"), 426),
    "two_versions": (request(*_USUAL, _VERSION), 400),
    "no_key": (request(*_ASKING, _VERSION), 400),
    "empty_key": (request(*_ASKING, _VERSION, b"Sec-WebSocket-Key:"), 400),
    "key_of_15_bytes": (request(*_ASKING, _VERSION, b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA"), 400),
    "key_of_17_bytes": (request(*_ASKING, _VERSION, b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA="), 400),
    "key_without_padding": (request(*_ASKING, _VERSION, _KEY[:-2]), 400),
    "key_that_is_no_base64": (request(*_ASKING, _VERSION, _KEY.replace(b"d", b"-")), 400),
    "two_keys": (request(*_USUAL, _KEY), 400),
    "post": (request(*_USUAL, method=b"POST"), 400),
    "method_in_lower_case": (request(*_USUAL, method=b"get"), 400),
    "with_a_body": (request(*_USUAL, b"Content-Length: 5") + b"hello", 400),
    "with_a_chunked_body": (request(*_USUAL, b"Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n", 400),
    "target_with_a_fragment": (request(*_USUAL, target=b"/#a"), 400),
}

_GOOD: dict[str, bytes] = {
    "usual": request(*_USUAL),
    "tokens_in_lists_and_any_case": request(
        b"CONNECTION: keep-alive , uPGRADE", b"UPGRADE: h2c,\tWebSocket", b"sec-websocket-VERSION:13", _KEY
    ),
    "options_in_two_fields": request(b"Connection: keep-alive", *_USUAL),
    "length_zero": request(*_USUAL, b"Content-Length: 0"),
    "minor_version_2": request(*_USUAL, version=b"1.2"),
}


class _Bytes:
    """A `WsCodec` without frames: what is read is a message, and a message is what is sent."""

    unfinished = 0

    def __init__(self, sink: WsSink) -> None:
        self._sink = sink

    def receive(self, data: bytes) -> None:
        if data:
            self._sink.on_message(data)

    def send(self, data: str | bytes) -> bytes:
        return data.encode() if isinstance(data, str) else data

    def ping(self, payload: bytes) -> bytes:
        return b""

    def close(self, code: int, reason: str) -> bytes:
        return b"closed %d" % code


_: type[WsCodec] = _Bytes


def _codec(sink: WsSink, settings: Any, offers: Sequence[bytes]) -> tuple[WsCodec, None]:
    return _Bytes(sink), None


class UpgradeChecks(Http1ServingSuite):
    """Which upgrades are taken (RFC 6455 section 4.2), and whose the bytes behind are."""

    @asynccontextmanager
    async def websockets(self) -> AsyncIterator[tuple[Calls, Http1Client]]:
        """A server that has a WebSocket codec, whichever are installed."""
        async with self.http1(ws=WsProvider(_codec)) as served:
            yield served

    @each(**_BAD)
    async def check_refuses_handshakes(self, case: tuple[bytes, int]) -> None:
        """With the right status, before the application; what stands behind may be frames and is no request."""
        handshake, status = case
        for size in (len(handshake + BEHIND), 1):
            async with self.websockets() as (calls, client):
                answer = client.expect()
                await client.send_pieces(handshake + BEHIND, size)
                await answer.whole()
                assert answer.status == status
                assert answer.values(b"connection") == [b"close"]
                assert answer.values(b"sec-websocket-version") == [b"13"] * (status == 426)
                assert client.closed
                assert calls.count == 0, "the application was called"

    @each(**_GOOD)
    async def check_takes_handshakes(self, handshake: bytes) -> None:
        """However they come; every byte behind them is a message's, to the last."""
        frames = BEHIND + b"\r\n\r\n\0\xff"
        for size in (len(handshake + frames), 1):
            async with self.websockets() as (calls, client):
                answer = client.expect()
                await client.send_pieces(handshake + frames, size)
                call = await calls()
                assert call.scope["type"] == "websocket"
                assert await call.receive() == {"type": "websocket.connect"}
                assert not client.received
                await call.send({"type": "websocket.accept"})
                assert answer.status == 101
                assert answer.values(b"upgrade") == [b"websocket"]
                assert answer.values(b"connection") == [b"upgrade"]
                assert answer.values(b"sec-websocket-accept") == [_PROOF]
                client.send_raw(b"more")
                assert await self._messages(call, len(frames) + 4) == frames + b"more"
                await call.send({"type": "websocket.send", "bytes": b"answer"})
                assert answer.body == b"answer"
                assert calls.count == 1
                call.finish()

    async def _messages(self, call: Call, size: int) -> bytes:
        received = b""
        while len(received) < size:
            received += (await call.receive())["bytes"]
        return received

    async def check_a_handshake_waits_for_its_turn(self) -> None:
        """Behind other requests of its connection."""
        async with self.websockets() as (calls, client):
            first, second = client.expect(), client.expect()
            client.send_raw(request() + request(*_USUAL) + b"early")
            await (await calls()).respond(b"first")
            assert await first.whole() == b"first"
            call = await calls()
            await call.receive()
            await call.send({"type": "websocket.accept"})
            assert await second.head() == 101
            assert await self._messages(call, 5) == b"early"
            call.finish()

    @each(closed="websocket.close", raised=None)
    async def check_nothing_behind_a_denied_handshake_is_served(self, event: str | None) -> None:
        """It was meant as frames."""
        async with self.websockets() as (calls, client):
            answer = client.ask_raw(request(*_USUAL) + BEHIND)
            call = await calls()
            await call.receive()
            if event is None:
                call.fail(RuntimeError())
            else:
                await call.send({"type": event})
                call.finish()
            assert await answer.head() == (403 if event else 500)
            await answer.whole()
            assert answer.values(b"connection") == [b"close"]
            client.send_raw(BEHIND)
            await client.until_closed()
            assert calls.count == 1
