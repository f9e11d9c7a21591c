"""Clients that take their time cost a connection for a while, and nobody else anything."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.apps import abuse
from tests.servers import DEADLINE, LOOP, Combination, ThreadServer, connect, read_all, read_until

LIMITS = {"timeout_request_head": 0.2, "timeout_request_body": 0.2, "timeout_write": 0.2, "timeout_keep_alive": 0.2}


@pytest.fixture(scope="module", params=LOOP)
def server(request: pytest.FixtureRequest) -> Iterator[ThreadServer]:
    with ThreadServer(abuse.app, Combination("httptools", "websockets", request.param), **LIMITS) as served:
        yield served


def serves(server: ThreadServer) -> bool:
    """Whether a well-behaved client is served."""
    return httpx.get(server.url + "/", timeout=DEADLINE).text == "ok"


def test_a_client_that_says_nothing_is_let_go_without_a_word(server: ThreadServer) -> None:
    with connect(server.address) as client:
        assert serves(server)
        assert read_all(client) == b""


@pytest.mark.parametrize("part", [b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nhost: test\r\n"], ids=len)
def test_a_head_that_does_not_end_is_a_408(server: ThreadServer, part: bytes) -> None:
    with connect(server.address) as client:
        client.sendall(part)
        assert serves(server)
        assert read_all(client).startswith(b"HTTP/1.1 408 ")


def test_a_dripping_head_gets_no_more_time_than_a_stalled_one(server: ThreadServer) -> None:
    with connect(server.address) as client:
        client.sendall(b"GET / HTTP/1.1\r\n")
        client.settimeout(0.02)
        while True:
            try:
                answer = client.recv(65536)
                break
            except TimeoutError:
                client.sendall(b"x: y\r\n")
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert serves(server)


def test_a_body_that_does_not_come_is_a_408_and_a_disconnect(server: ThreadServer) -> None:
    abuse.seen.clear()
    with connect(server.address) as client:
        client.sendall(b"POST /read HTTP/1.1\r\nhost: test\r\ncontent-length: 9\r\n\r\nabc")
        assert serves(server)
        assert read_all(client).startswith(b"HTTP/1.1 408 ")
    assert serves(server)
    assert abuse.seen == {"reading": 1, "cut": 1}


def test_a_body_that_drips_is_read_to_its_end(server: ThreadServer) -> None:
    """As long as something comes."""
    with connect(server.address) as client:
        client.sendall(b"POST /read HTTP/1.1\r\nhost: test\r\ncontent-length: 20\r\n\r\n")
        client.settimeout(0.02)
        for _ in range(20):
            with pytest.raises(TimeoutError):
                client.recv(1)
            client.sendall(b"x")
        client.settimeout(DEADLINE)
        assert read_until(client, b"20").startswith(b"HTTP/1.1 200 ")


def test_an_idle_connection_is_closed(server: ThreadServer) -> None:
    with connect(server.address) as client:
        client.sendall(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n")
        assert read_all(client).endswith(b"ok")


def test_a_reader_that_stops_is_cut_off_and_its_application_told(server: ThreadServer) -> None:
    """The response was cut: the client finds no end of it."""
    abuse.seen.clear()
    with connect(server.address) as client:
        client.sendall(b"GET /stream HTTP/1.1\r\nhost: test\r\n\r\n")
        read_until(client, b"\r\n\r\n")
        while abuse.seen["sent"] < abuse.GIGABYTE:
            assert serves(server)
        try:
            rest = read_all(client)
        except ConnectionResetError:
            return
        assert not rest.endswith(b"0\r\n\r\n")


def test_an_application_that_is_slow_costs_its_client_nothing(server: ThreadServer) -> None:
    """The deadlines are the client's: a pause of the application is none of it."""
    with connect(server.address) as client:
        client.sendall(b"POST /unread HTTP/1.1\r\nhost: test\r\ncontent-length: 200000\r\n\r\n" + bytes(200_000))
        client.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(DEADLINE)
        httpx.get(server.url + "/release")
        assert read_until(client, b"ok").startswith(b"HTTP/1.1 200 ")
