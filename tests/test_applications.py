"""FastAPI, Starlette and Django, unchanged, on every combination of plugins, with real clients on real sockets."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from importlib import import_module

import httpx
import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect as connect_websocket

from tests.servers import COMBINATIONS, DEADLINE, Combination, ThreadServer, connect, read_all

APPLICATIONS = {
    "FastAPI": ("examples.fastapi_app", "app"),
    "Starlette": ("examples.starlette_app", "app"),
    "Django": ("django_project.asgi", "application"),
}
BLOCK = bytes(range(256)) * 4096
BLOCKS = 50
SHA256 = hashlib.sha256(BLOCK * BLOCKS).hexdigest()


class Served(ThreadServer):
    """A server with the name of its framework."""

    def __init__(self, framework: str, combination: Combination) -> None:
        module, attribute = APPLICATIONS[framework]
        super().__init__(getattr(import_module(module), attribute), combination)
        self.framework = framework

    @property
    def ws_url(self) -> str:
        return "ws" + self.url.removeprefix("http")


Case = tuple[str, Combination]


def cases(*frameworks: str) -> list[Case]:
    """Some frameworks on every combination of plugins."""
    return [(name, combination) for name in frameworks for combination in COMBINATIONS]


def name_of(value: object) -> str | None:
    """The identifier of a case; pytest finds one itself for what is none."""
    return "-".join((value[0], *value[1])) if isinstance(value, tuple) else None


def only(framework: str) -> pytest.MarkDecorator:
    """For a test of what the other frameworks do not have."""
    return pytest.mark.parametrize("server", cases(framework), indirect=True, ids=name_of)


EVERY = cases(*APPLICATIONS)
PLAIN = [case for case in EVERY if case[1].ws == "websockets"]
"""Enough for plain requests, with which a codec of WebSockets has nothing to do."""


@pytest.fixture(scope="module", params=PLAIN, ids=name_of)
def server(request: pytest.FixtureRequest) -> Iterator[Served]:
    with Served(*request.param) as served:
        yield served


@pytest.fixture
def client(server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=DEADLINE) as opened:
        yield opened


# --- requests ---------------------------------------------------------------------------------------------------------


def test_get_and_head_answer_alike(server: Served, client: httpx.Client) -> None:
    get = client.get("/")
    head = client.head("/")
    assert get.json() == {"message": f"Hello from {server.framework}"}
    assert get.status_code == head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"] == str(len(get.content))
    assert get.headers["server"] == "tricorn"


def test_an_unknown_path_gets_the_frameworks_404(client: httpx.Client) -> None:
    assert client.get("/no/such/page").status_code == 404


def test_connections_are_kept_alive(server: Served) -> None:
    with connect(server.address) as client:
        for _ in range(3):
            client.sendall(b"HEAD / HTTP/1.1\r\nhost: test\r\n\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_pipelined_requests_are_answered_in_order(server: Served) -> None:
    def request(target: bytes, *fields: bytes) -> bytes:
        return b"\r\n".join((b"GET " + target + b" HTTP/1.1", b"host: test", *fields, b"", b""))

    with connect(server.address) as client:
        client.sendall(
            request(b"/numbers?count=2")
            + b"POST /checksum HTTP/1.1\r\nhost: test\r\ncontent-length: 3\r\n\r\nabc"
            + request(b"/missing")
            + request(b"/", b"connection: close")
        )
        answer = read_all(client)
    places = [
        answer.index(part)
        for part in (
            b"2\r\n0\n\r\n2\r\n1\n\r\n0\r\n\r\n",
            hashlib.sha256(b"abc").hexdigest().encode(),
            b"HTTP/1.1 404 ",
            b"Hello from " + server.framework.encode(),
        )
    ]
    assert places == sorted(places)
    assert answer.count(b"HTTP/1.1 ") == 4


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
def test_a_50_mb_upload_arrives_unharmed(client: httpx.Client, framing: str) -> None:
    headers = {"content-length": str(len(BLOCK) * BLOCKS)} if framing == "content-length" else {}
    response = client.post("/checksum", content=(BLOCK for _ in range(BLOCKS)), headers=headers)
    assert ("transfer-encoding" in response.request.headers) == (framing == "chunked")
    assert response.json() == {"size": len(BLOCK) * BLOCKS, "sha256": SHA256}


def test_a_stream_arrives_complete(client: httpx.Client) -> None:
    with client.stream("GET", "/numbers", params={"count": 1000}) as response:
        assert response.headers["transfer-encoding"] == "chunked"
        assert list(response.iter_lines()) == [str(number) for number in range(1000)]


def test_a_listener_that_leaves_is_noticed(client: httpx.Client) -> None:
    with client.stream("GET", "/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = (line for line in response.iter_lines() if line.startswith("data:"))
        assert [next(lines), next(lines)] == ["data: 0", "data: 1"]
        assert client.get("/listeners").json() == {"listeners": 1}
    assert client.get("/listeners", params={"wait": "1"}).json() == {"listeners": 0}


def curl(*arguments: str) -> str:
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--include", "--max-time", str(DEADLINE), *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_curl_speaks_http_1_0(server: Served) -> None:
    head, _, body = curl("--http1.0", server.url + "/numbers?count=3").partition("\n\n")
    assert head.startswith("HTTP/1.1 200 OK")
    assert "transfer-encoding" not in head
    assert "connection: close" in head
    assert body == "0\n1\n2\n"


def test_curl_is_told_to_continue(server: Served) -> None:
    answer = curl("--header", "Expect: 100-continue", "--data", "abc", server.url + "/checksum")
    assert answer.startswith("HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK")
    assert hashlib.sha256(b"abc").hexdigest() in answer


# --- what only some of the frameworks have ----------------------------------------------------------------------------


@only("Starlette")
def test_static_files_are_served_in_ranges(server: Served, client: httpx.Client) -> None:
    whole = client.get("/static/alphabet.txt")
    part = client.get("/static/alphabet.txt", headers={"range": "bytes=64-127"})
    assert (part.status_code, part.text) == (206, "b" * 63 + "\n")
    assert part.headers["content-range"] == f"bytes 64-127/{len(whole.content)}"
    several = client.get("/static/alphabet.txt", headers={"range": "bytes=0-1,-2"})
    assert several.headers["content-type"].startswith("multipart/byteranges")
    assert client.get("/static/alphabet.txt", headers={"range": "bytes=9999-"}).status_code == 416
    assert curl("--range", "-64", server.url + "/static/alphabet.txt").endswith("\n\n" + "z" * 63 + "\n")


@only("Starlette")
def test_a_static_file_that_has_not_changed_is_not_sent_again(client: httpx.Client) -> None:
    first = client.get("/static/")
    again = client.get("/static/", headers={"if-none-match": first.headers["etag"]})
    assert "static folder" in first.text
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/").status_code == 200


@only("FastAPI")
def test_an_uploaded_form_can_be_fetched_in_ranges(client: httpx.Client) -> None:
    name = "some.bin"
    assert client.post("/files", files={"file": (name, BLOCK)}).json() == {"name": name, "size": len(BLOCK)}
    assert client.get(f"/files/{name}").content == BLOCK
    assert client.get(f"/files/{name}", headers={"range": "bytes=250-259"}).content == BLOCK[250:260]


@only("FastAPI")
def test_bodies_are_validated(client: httpx.Client) -> None:
    assert client.post("/items", json={"name": "nail", "price": 0.5, "amount": 4}).json()["total"] == 2.0
    assert client.post("/items", json={"name": "nail"}).status_code == 422


@only("Django")
def test_synchronous_views_run_in_threads(client: httpx.Client) -> None:
    assert client.get("/sync").json()["thread"] != "MainThread"
    assert client.post("/echo", content=b"abc", headers={"content-type": "text/css"}).content == b"abc"


# --- WebSockets -------------------------------------------------------------------------------------------------------

every = pytest.mark.parametrize("server", EVERY, indirect=True, ids=name_of)


@every
def test_messages_are_echoed_as_they_came(server: Served) -> None:
    with connect_websocket(server.ws_url + "/echo") as websocket:
        for message in ("tea", "", "für alle \N{SNOWMAN}", b"", b"\x00\xff", "x" * 70_000, BLOCK):
            websocket.send(message)
            assert websocket.recv(DEADLINE) == message
        assert websocket.ping().wait(DEADLINE)


@every
def test_the_subprotocol_that_both_know_is_agreed_on(server: Served) -> None:
    with connect_websocket(server.ws_url + "/echo", subprotocols=["other", "echo.v1"]) as websocket:
        assert websocket.subprotocol == "echo.v1"
    with connect_websocket(server.ws_url + "/echo") as websocket:
        assert websocket.subprotocol is None


@every
def test_the_application_closes_with_its_code(server: Served) -> None:
    with connect_websocket(server.ws_url + "/echo") as websocket:
        websocket.send("close 4001")
        with pytest.raises(ConnectionClosedError):
            websocket.recv(DEADLINE)
        assert (websocket.close_code, websocket.close_reason) == (4001, "as you wish")


@every
def test_the_clients_close_code_is_answered(server: Served) -> None:
    with connect_websocket(server.ws_url + "/echo") as websocket:
        websocket.close(4002, "enough")
        assert websocket.close_code == 4002


@pytest.mark.parametrize(
    ("server", "target", "status", "body"),
    [
        *((case, "/rooms/tea", 401, b"no token") for case in cases("FastAPI")),
        *((case, "/echo?refuse", 418, b"not today") for case in cases("Starlette")),
        *((case, "/echo?refuse", 403, b"") for case in cases("Django")),
    ],
    indirect=["server"],
    ids=name_of,
)
def test_a_denied_websocket_gets_a_response(server: Served, target: str, status: int, body: bytes) -> None:
    with pytest.raises(InvalidStatus) as caught, connect_websocket(server.ws_url + target):
        pass
    response = caught.value.response
    assert response.status_code == status
    assert body in (response.body or b"")


@only("FastAPI")
def test_path_and_query_reach_a_websocket(server: Served) -> None:
    with connect_websocket(server.ws_url + "/rooms/tea?token=t") as websocket:
        assert websocket.recv(DEADLINE) == '{"room":"tea","token":"t"}'
        websocket.send('"hi"')
        assert websocket.recv(DEADLINE) == '{"you said":"hi"}'
