"""The clients read every response as RFC 9112 frames it, however its bytes arrive, and every frame of a WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tricorn_command_bench.clients import Client, HttpClient, WsClient
from tricorn_command_bench.load import Load, Tally

PLAIN = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + PLAIN
CLOSING = PLAIN.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
MISSING = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"


class Transport(asyncio.Transport):
    """Notes what is written and how it ends."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.ended = ""

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        self.ended = "aborted"


def connected(kind: Callable[..., Client], **load: Any) -> tuple[Any, Transport]:
    """A client and its transport, with the first request written."""
    client = kind(Load(1, 1, 0, **load), 80, Tally())
    transport = Transport()
    client.connection_made(transport)
    return client, transport


@pytest.mark.parametrize("size", [1, 7, 1000], ids=["bytes", "pieces", "whole"])
@pytest.mark.parametrize("response", [PLAIN, CHUNKED, INTERIM, EMPTY], ids=["length", "chunked", "interim", "empty"])
async def test_the_next_request_leaves_behind_a_complete_response(response: bytes, size: int) -> None:
    client, transport = connected(HttpClient)
    for number in range(1, 4):
        for start in range(0, len(response), size):
            assert len(transport.written) == number
            client.data_received(response[start : start + size])
        assert len(client.tally.latencies) == number
    assert len(transport.written) == 4
    assert not client.tally.failures


async def test_the_response_to_head_has_no_body() -> None:
    client, transport = connected(HttpClient, method="HEAD")
    for _ in range(2):
        client.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
    assert len(transport.written) == 3


async def test_a_response_that_ends_the_connection_is_counted() -> None:
    client, transport = connected(HttpClient)
    client.data_received(CLOSING)
    assert (transport.ended, len(transport.written)) == ("closed", 1)
    client.connection_lost(None)
    assert client.closed.done()
    client, _ = connected(HttpClient)
    client.data_received(UNTIL_CLOSE)
    assert not client.tally.latencies
    client.connection_lost(None)
    assert len(client.tally.latencies) == 1
    assert not client.tally.failures


async def test_what_is_not_2xx_is_a_failure_and_no_latency() -> None:
    client, transport = connected(HttpClient)
    client.data_received(MISSING)
    assert client.tally.failures == {"404": 1}
    assert client.tally.only_failures()
    assert len(transport.written) == 2


@pytest.mark.parametrize(
    ("response", "what"),
    [(b"hello\r\n\r\n", "no HTTP"), (CHUNKED.replace(b"5\r\n", b"x\r\n"), "broken chunks")],
    ids=["head", "chunk"],
)
async def test_a_broken_response_is_one_failure(response: bytes, what: str) -> None:
    client, transport = connected(HttpClient)
    client.data_received(response)
    client.connection_lost(None)
    assert client.tally.failures == {what: 1}
    assert transport.ended == "aborted"


async def test_a_lost_connection_is_a_failure() -> None:
    client, _ = connected(HttpClient)
    client.data_received(PLAIN[:-1])
    client.connection_lost(ConnectionResetError())
    assert client.tally.failures == {"connection lost": 1}


async def test_a_request_is_what_was_asked_for() -> None:
    _, transport = connected(HttpClient, method="POST", path="/a?b", headers=[("X-Y", "z")], body=b"hi")
    assert transport.written == [b"POST /a?b HTTP/1.1\r\nHost: 127.0.0.1:80\r\nX-Y: z\r\nContent-Length: 2\r\n\r\nhi"]


OPENED = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n"


@pytest.mark.parametrize("size", [1, 3, 1000], ids=["bytes", "pieces", "whole"])
@pytest.mark.parametrize("length", [0, 5, 200, 70_000])
async def test_a_message_is_sent_again_when_it_has_come_back(length: int, size: int) -> None:
    client, transport = connected(WsClient, ws_path="/echo", body=b"x" * length)
    assert transport.written[0].startswith(b"GET /echo HTTP/1.1\r\n")
    head = {0: b"\0", 5: b"\5", 200: b"\x7e\0\xc8", 70_000: b"\x7f" + length.to_bytes(8, "big")}[length]
    received = OPENED + b"\x81" + head + b"x" * length
    step = size if length < 1000 else 10_000 * size
    for start in range(0, len(received), step):
        client.data_received(received[start : start + step])
    assert len(client.tally.latencies) == 1
    assert len(transport.written) == 3
    assert transport.written[1] == transport.written[2]


async def test_pings_are_answered_and_fragments_are_one_message() -> None:
    client, transport = connected(WsClient, ws_path="/", body=b"ab")
    client.data_received(OPENED + b"\x01\x01a" + b"\x89\x00" + b"\x80\x01b")
    assert len(client.tally.latencies) == 1
    assert [written[0] for written in transport.written[1:]] == [0x81, 0x8A, 0x81]


@pytest.mark.parametrize(
    ("received", "what"),
    [(MISSING, "404"), (OPENED + b"\x88\x02\x03\xf3", "closed with 1011"), (OPENED + b"\x88\x00", "closed with 1005")],
    ids=["denied", "closed", "without a code"],
)
async def test_a_websocket_that_is_refused_or_closed_is_one_failure(received: bytes, what: str) -> None:
    client, transport = connected(WsClient, ws_path="/")
    client.data_received(received)
    client.connection_lost(None)
    assert client.tally.failures == {what: 1}
    assert transport.ended == "aborted"
