"""The law of HTTP/1 heads: what is remembered of earlier requests changes nothing about the next one."""

from __future__ import annotations

import pytest

from tricorn.api import Refusal
from tricorn.heads import CHUNKED_BODY, check_partial, examine, method_name, plain_names, read_strict
from tricorn.testing.http1_base import request

Fields = list[tuple[bytes, bytes]]

HOST = (b"host", b"test")


def lines(head: bytes) -> list[bytes]:
    return head.split(b"\r\n")


def examined(*fields: tuple[bytes, bytes], minor: int = 1) -> tuple[int, bool, bool, bytes | None]:
    return examine(minor, list(fields), dict(fields))


def test_reads_a_head() -> None:
    head = b"GET /a HTTP/1.1\r\nHost:  test \r\nX-Y:z\r\n\r\n"
    assert read_strict(lines(head)) == (b"GET", b"/a", 1, [(b"host", b"test"), (b"x-y", b"z")])


@pytest.mark.parametrize(("version", "minor"), [(b"1.0", 0), (b"1.1", 1), (b"1.7", 1)])
def test_minor_versions(version: bytes, minor: int) -> None:
    assert read_strict(lines(request(version=version)))[2] == minor


@pytest.mark.parametrize("version", [b"0.9", b"2.0", b"3.1"])
def test_other_versions_are_refused_505(version: bytes) -> None:
    with pytest.raises(Refusal) as raised:
        read_strict(lines(request(version=version)))
    assert raised.value.status == 505


@pytest.mark.parametrize(
    ("data", "good"),
    [
        (b"", True),
        (b"GET", True),
        (b"GET / HTTP/1.1\r", True),
        (b"GET / HTTP/1.1\r\n", True),
        (b"GET / HTTP/1.1\r\nX: \ty\r\n", True),
        (b"GET / HTTP/1.1\rX", False),
        (b"GET / HTTP/1.1\n", False),
        (b"GET\0", False),
        (b"\r\r", False),
        (b"a\n\r", False),
        (b"a\x01\r", False),
        (b"\x16\x03\x01", False),
    ],
)
def test_a_partial_head_is_refused_as_soon_as_it_cannot_become_a_good_one(data: bytes, good: bool) -> None:
    if good:
        check_partial(data)
    else:
        with pytest.raises(Refusal):
            check_partial(data)


def test_tls_on_a_plain_port_is_named() -> None:
    with pytest.raises(Refusal, match="TLS"):
        check_partial(b"\x16\x03\x01\x02\x00\x01\x00")


def test_methods_keep_their_case() -> None:
    assert [method_name(method) for method in (b"GET", b"get", b"Brew")] == ["GET", "get", "Brew"]


@pytest.mark.parametrize(
    ("fields", "length"),
    [
        ([HOST], 0),
        ([HOST, (b"content-length", b"0")], 0),
        ([HOST, (b"content-length", b"0012")], 12),
        ([HOST, (b"content-length", b"9223372036854775807")], (1 << 63) - 1),
        ([HOST, (b"transfer-encoding", b"Chunked")], CHUNKED_BODY),
    ],
)
def test_framing(fields: Fields, length: int) -> None:
    assert examined(*fields)[0] == length


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ([], 400),
        ([HOST, HOST], 400),
        ([HOST, (b"content-length", b"5"), (b"content-length", b"5")], 400),
        ([HOST, (b"content-length", b"5"), (b"transfer-encoding", b"chunked")], 400),
        ([HOST, (b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")], 400),
        ([HOST, (b"transfer-encoding", b"gzip")], 501),
        ([HOST, (b"transfer-encoding", b"gzip, chunked")], 400),
        ([HOST, (b"content-length", b"00000000000000000005")], 400),
        ([HOST, (b"expect", b"x")], 417),
        ([HOST, (b"bad name", b"x")], 400),
    ],
)
def test_heads_that_are_refused(fields: Fields, status: int) -> None:
    for _ in range(2):
        with pytest.raises(Refusal) as raised:
            examined(*fields)
        assert raised.value.status == status


@pytest.mark.parametrize(
    ("value", "minor", "persistent"),
    [
        (b"", 1, True),
        (b"close", 1, False),
        (b"Close", 1, False),
        (b"a,close ,b", 1, False),
        (b"closed", 1, True),
        (b"keep-alive", 0, True),
        (b"keep-alive, close", 0, False),
        (b"a", 0, False),
        (b"close" + b"," * 100, 1, False),
    ],
)
def test_persistence(value: bytes, minor: int, persistent: bool) -> None:
    assert examined(HOST, (b"connection", value), minor=minor)[1] is persistent


@pytest.mark.parametrize(
    ("connection", "upgrade", "minor", "protocol"),
    [
        (b"upgrade", b"websocket", 1, b"websocket"),
        (b"keep-alive, Upgrade", b"WebSocket", 1, b"websocket"),
        (b"upgrade", b"h2c, websocket", 1, b"websocket"),
        (b"upgrade", b"h2c", 1, None),
        (b"close", b"websocket", 1, None),
        (b"upgrade", b"websocket", 0, None),
        (b"upgrade", b"websocket2", 1, None),
    ],
)
def test_upgrades(connection: bytes, upgrade: bytes, minor: int, protocol: bytes | None) -> None:
    assert examined(HOST, (b"connection", connection), (b"upgrade", upgrade), minor=minor)[3] == protocol


def test_names_that_are_remembered_are_bounded() -> None:
    for number in range(10_000):
        examined(HOST, (b"x-%d" % number, b""))
    assert len(plain_names) <= 4096
    examined(HOST, (b"x" * 1000, b""))
    assert b"x" * 1000 not in plain_names
