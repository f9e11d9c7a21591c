"""Which handshakes are accepted, and how the others are refused before the application is called."""

from __future__ import annotations

from typing import Any

import pytest

from kernel.tests.ws_ends import Calls, connect, handshake, serving
from tricorn.api import Head, Refusal
from tricorn.fields import FieldTable
from tricorn.handshake import accept_fields, check_handshake, offered_subprotocols

GOOD = [(b"sec-websocket-version", b"13"), (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ==")]


def head(fields: list[tuple[bytes, bytes]], method: str = "GET", version: str = "1.1") -> Head:
    return Head(method, b"/", version, fields, b"websocket")


def test_a_valid_handshake_gives_its_key() -> None:
    assert check_handshake(head(GOOD)) == b"dGhlIHNhbXBsZSBub25jZQ=="


def test_an_extended_connect_has_no_key() -> None:
    assert check_handshake(head(GOOD[:1], "CONNECT", "2")) is None


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ([GOOD[1]], 426),
        ([(b"sec-websocket-version", b"8"), GOOD[1]], 426),
        ([(b"sec-websocket-version", b"13, 8"), GOOD[1]], 426),
        ([GOOD[0], *GOOD], 400),
        ([*GOOD, GOOD[1]], 400),
        ([GOOD[0]], 400),
        ([GOOD[0], (b"sec-websocket-key", b"")], 400),
        ([GOOD[0], (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ")], 400),
        ([GOOD[0], (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ===")], 400),
        ([GOOD[0], (b"sec-websocket-key", b"AAAA")], 400),
        ([*GOOD, (b"content-length", b"5")], 400),
        ([*GOOD, (b"transfer-encoding", b"chunked")], 400),
    ],
)
def test_a_broken_handshake_is_refused(fields: list[tuple[bytes, bytes]], status: int) -> None:
    with pytest.raises(Refusal) as caught:
        check_handshake(head(fields))
    assert caught.value.status == status


@pytest.mark.parametrize(("method", "version"), [("POST", "1.1"), ("get", "1.1"), ("GET", "1.0")])
def test_a_handshake_is_a_get_in_http_1_1(method: str, version: str) -> None:
    with pytest.raises(Refusal) as caught:
        check_handshake(head(GOOD, method, version))
    assert caught.value.status == 400


def test_a_body_of_no_bytes_is_no_body() -> None:
    assert check_handshake(head([*GOOD, (b"content-length", b"0")]))


def test_subprotocols_are_collected_from_all_fields() -> None:
    fields = [(b"sec-websocket-protocol", b"a, b ,,"), (b"x", b"y"), (b"sec-websocket-protocol", b"c")]
    assert offered_subprotocols(head(fields)) == ["a", "b", "c"]


class _Stream:
    fields: Any = FieldTable(lambda name, value: b"")


def test_the_answer_proves_that_the_key_was_seen() -> None:
    fields = accept_fields(_Stream(), b"dGhlIHNhbXBsZSBub25jZQ==", None, None, [])  # type: ignore[arg-type]
    assert (b"sec-websocket-accept", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") in fields  # the example of RFC 6455


def test_the_answer_to_an_extended_connect_has_no_upgrade() -> None:
    fields = accept_fields(_Stream(), None, b"permessage-deflate", "chat", [(b"X-A", b"b")])  # type: ignore[arg-type]
    assert fields == [
        (b"sec-websocket-extensions", b"permessage-deflate"),
        (b"sec-websocket-protocol", b"chat"),
        (b"x-a", b"b"),
    ]


async def test_a_refused_handshake_never_reaches_the_application() -> None:
    calls = Calls()
    async with serving(calls) as url, connect(url, handshake(version="12") + handshake()) as client:
        answer = await client.rest()
    assert answer.startswith(b"HTTP/1.1 426 Upgrade Required\r\n")
    assert b"\r\nsec-websocket-version: 13\r\n" in answer
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.count(b"HTTP/1.1") == 1
    assert calls._calls.empty()


async def test_tokens_are_compared_without_case_in_lists() -> None:
    calls = Calls()
    request = handshake().replace(b"Upgrade: websocket", b"uPGRADE: foo, WebSocket")
    request = request.replace(b"Connection: Upgrade", b"connection: keep-alive, uPgRaDe")
    async with serving(calls) as url, connect(url, request) as client:
        call = await calls.next()
        await call.accept()
        assert (await client.head()).startswith(b"HTTP/1.1 101 ")
        call.finish()


async def test_without_a_websocket_plugin_an_upgrade_is_an_ordinary_request() -> None:
    calls = Calls()
    async with serving(calls, ws="none") as url, connect(url, handshake()) as client:
        call = await calls.next()
        assert call.scope["type"] == "http"
        await call.send({"type": "http.response.start", "status": 200})
        await call.send({"type": "http.response.body", "body": b"plain"})
        assert (await client.head()).startswith(b"HTTP/1.1 200 ")
        call.finish()
