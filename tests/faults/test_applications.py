"""Applications that misbehave hurt the request they were asked to serve, and no other."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.apps import abuse
from tests.servers import DEADLINE, LOOP, PAIRS, Combination, ThreadServer, connect, read_until


@pytest.fixture(scope="module", params=PAIRS, ids="-".join)
def server(request: pytest.FixtureRequest) -> Iterator[ThreadServer]:
    http, loop = request.param
    with ThreadServer(abuse.app, Combination(http, "websockets", loop)) as served:
        yield served


@pytest.fixture
def client(server: ThreadServer) -> Iterator[httpx.Client]:
    abuse.seen.clear()
    with httpx.Client(base_url=server.url, timeout=DEADLINE) as opened:
        yield opened


@pytest.mark.parametrize("path", ["/fail", "/leave", "/silent"])
def test_an_application_that_fails_before_it_answers_is_a_500(client: httpx.Client, path: str) -> None:
    """One that calls sys.exit() too: it does not take the server with it."""
    assert client.get(path).status_code == 500
    assert client.get("/").text == "ok"


def test_an_application_that_fails_in_its_answer_cuts_it(client: httpx.Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/fail-late")
    assert client.get("/").text == "ok"


def test_an_application_that_answers_twice_is_told_off_and_its_client_served(client: httpx.Client) -> None:
    assert [client.get("/twice").text for _ in range(3)] == ["ok"] * 3
    assert client.get("/seen").json() == {"told off": 3}


def test_an_application_that_never_answers_learns_that_its_client_gave_up(
    server: ThreadServer, client: httpx.Client
) -> None:
    with connect(server.address) as impatient:
        impatient.sendall(b"GET /never HTTP/1.1\r\nhost: test\r\n\r\n")
        while not client.get("/seen").json():
            pass
    while "disconnected" not in client.get("/seen").json():
        pass


def test_an_application_that_ignores_the_disconnect_writes_to_nobody(
    server: ThreadServer, client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with connect(server.address) as leaving:
        leaving.sendall(b"GET /deaf HTTP/1.1\r\nhost: test\r\n\r\n")
        read_until(leaving, b"still here")
    before = client.get("/seen").json()["deaf"]
    while client.get("/seen").json()["deaf"] < before + 3:
        pass
    client.get("/release")
    while "deaf returned" not in client.get("/seen").json():
        pass
    abuse.released.clear()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("loop", LOOP)
def test_a_blocked_loop_costs_no_client_its_request(loop: str) -> None:
    """All deadlines pass while the application blocks, and none of these clients was slow: they are read first."""
    limits = dict.fromkeys(("timeout_request_head", "timeout_request_body", "timeout_keep_alive"), abuse.BLOCKED - 0.5)
    combination = Combination("httptools", "websockets", loop)
    with ThreadServer(abuse.app, combination, **limits) as server, contextlib.ExitStack() as opened:
        threads = opened.enter_context(ThreadPoolExecutor())
        half, whole, idle, uploading = (opened.enter_context(connect(server.address)) for _ in range(4))
        idle.sendall(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n")
        read_until(idle, b"ok")
        half.sendall(b"GET / HTTP/1.1\r\nhost: test\r\n")
        uploading.sendall(b"POST /read HTTP/1.1\r\nhost: test\r\ncontent-length: 6\r\n\r\nabc")
        abuse.blocking.clear()
        blocking = threads.submit(httpx.get, server.url + "/block", timeout=DEADLINE)
        assert abuse.blocking.wait(DEADLINE)
        half.sendall(b"\r\n")
        whole.sendall(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n")
        idle.sendall(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n")
        uploading.sendall(b"def")
        for client in (half, whole, idle, uploading):
            assert read_until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")
        assert blocking.result().text == "ok"
