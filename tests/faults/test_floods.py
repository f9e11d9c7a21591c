"""A client that asks for more than it takes gets no more than its share of the server."""

from __future__ import annotations

import select
from collections.abc import Iterator

import pytest

from tests.servers import DEADLINE, PAIRS, CommandLine, connect, push
from tests.watching import Watched

MB = 1 << 20
COUNT = 10_000
GET = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n"
LIMIT = 16 * MB


@pytest.fixture(scope="module", params=PAIRS, ids="-".join)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    http, loop = request.param
    arguments = ("tests.apps.abuse:app", "--port", "0", "--http", http, "--loop", loop, "--no-access-log")
    with CommandLine(*arguments, directory=tmp_path_factory.mktemp("server")) as process:
        yield Watched(process)


def test_ten_thousand_pipelined_requests_wait_and_are_answered(server: Watched) -> None:
    """While the client does not read, others are served; once it reads, it gets every answer."""
    with connect(server.address) as client:
        requests = GET * COUNT
        sent = push(client, requests)
        client.settimeout(DEADLINE)
        assert server.seen() == {}
        answered = 0
        while answered < COUNT:
            if sent < len(requests) and select.select((), (client,), (), 0)[1]:
                sent += client.send(requests[sent : sent + 65536])
            # No answer is read in two halves: "ok" ends it.
            answered += client.recv(65536).count(b"ok")
    assert server.growth < LIMIT


def test_a_flood_of_requests_that_are_never_read_is_cut_off_by_its_own_window(server: Watched) -> None:
    with connect(server.address) as client:
        assert push(client, b"GET /stream HTTP/1.1\r\nhost: test\r\n\r\n" + GET * 1_000_000) < LIMIT
        assert server.seen().keys() == {"sent"}
    assert server.growth < LIMIT


@pytest.mark.parametrize(
    "request_bytes",
    [b"GET /" + b"a" * 16 * MB, b"GET / HTTP/1.1\r\n" + b"x-many: fields\r\n" * MB, b"\r\n" * 8 * MB, b"a" * 16 * MB],
    ids=["an endless target", "endless fields", "empty lines", "an endless method"],
)
def test_a_head_without_end_is_refused_long_before_it_is_read(server: Watched, request_bytes: bytes) -> None:
    with connect(server.address) as client:
        assert push(client, request_bytes) < len(request_bytes)
        server.seen()
    assert server.growth < LIMIT


@pytest.mark.parametrize(
    "body",
    [b"4000000000000000\r\n" + b"x" * MB, b"1;" + b"e" * MB, b"1\r\nx\r\n" * MB, b"0\r\n" + b"t: railer\r\n" * MB],
    ids=["an endless chunk", "an endless extension", "tiny chunks", "endless trailers"],
)
def test_a_chunked_body_made_to_hurt_costs_little(server: Watched, body: bytes) -> None:
    with connect(server.address) as client:
        client.sendall(b"POST /unread HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n")
        # Bad framing in the read that brings the head would keep the application from being called at all.
        while "unread" not in server.seen():
            pass
        push(client, body)
        server.seen()
    assert server.growth < LIMIT
