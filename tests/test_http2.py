"""HTTP/2 beside HTTP/1.1 on one address, with real clients: ALPN, prior knowledge, and everything that ASGI does."""

from __future__ import annotations

import asyncio
import hashlib
import re
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import trustme

from tests.compiler import PREFERRED
from tests.servers import DEADLINE, Combination, CommandLine, ThreadServer, connect, read_until

LOOPS = ("asyncio", "uvloop")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
EMPTY_SETTINGS = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
MIB = 1 << 20


class Certificate(NamedTuple):
    """A certificate of 127.0.0.1 and localhost, and the authority that a client has to trust."""

    options: dict[str, str]
    authority: Path

    def client_context(self, *alpn: str) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.authority))
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(folder / "authority.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
    files = {"ssl_keyfile": str(folder / "key.pem"), "ssl_certfile": str(folder / "certificate.pem")}
    return Certificate(files, folder / "authority.pem")


async def app(scope: Any, receive: Any, send: Any) -> None:
    """`/digest` hashes the body, `/bytes/N` sends N bytes, `/count` streams numbers; anything names the version."""
    if scope["type"] == "lifespan":
        raise RuntimeError
    path = scope["path"]
    if path == "/digest":
        digest = hashlib.sha256()
        more = True
        while more:
            event = await receive()
            digest.update(event.get("body", b""))
            more = event.get("more_body", False)
        parts = [digest.hexdigest().encode()]
    elif path.startswith("/bytes/"):
        left = int(path.rpartition("/")[2])
        parts = [b"x" * 65536] * (left // 65536) + [b"x" * (left % 65536)]
    elif path == "/count":
        parts = [b"%d\n" % number for number in range(1000)]
    else:
        parts = [f"{scope['http_version']} {scope['scheme']}".encode()]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body"})


@pytest.fixture(scope="module", params=LOOPS)
def tls(request: pytest.FixtureRequest, certificate: Certificate) -> Iterator[str]:
    combination = Combination("h2,httptools", "frames", request.param)
    with ThreadServer(app, combination, **certificate.options) as server:
        yield server.url


@pytest.fixture(scope="module", params=LOOPS)
def clear(request: pytest.FixtureRequest) -> Iterator[ThreadServer]:
    with ThreadServer(app, Combination("h2,httptools", "frames", request.param)) as server:
        yield server


# --- which protocol is spoken ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "order", ["h2,httptools", "httptools,h2", f"h2,{PREFERRED}", f"{PREFERRED},h2", "h2,h11", "h2", "httptools"]
)
def test_alpn_follows_the_order_of_the_server(order: str, certificate: Certificate) -> None:
    names = ["h2" if name == "h2" else "http/1.1" for name in order.split(",")]
    with ThreadServer(app, Combination(order, "frames", "asyncio"), **certificate.options) as server:
        for offered in (("h2", "http/1.1"), ("http/1.1", "h2"), ("http/1.1",), ("h2",)):
            context = certificate.client_context(*offered)
            with connect(server.address) as plain, context.wrap_socket(plain, server_hostname="localhost") as client:
                common = [name for name in names if name in offered]
                assert client.selected_alpn_protocol() == (common[0] if common else None)


def test_a_client_without_alpn_gets_http_1_1(tls: str, certificate: Certificate) -> None:
    address = tls.rpartition("/")[2].split(":")
    context = certificate.client_context()
    with (
        connect((address[0], int(address[1]))) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert read_until(client, b"1.1 https").startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("size", [1, 5, 24, 100])
def test_clear_text_is_told_apart_by_its_first_bytes(clear: ThreadServer, size: int) -> None:
    """In whatever segments they come; POST begins with the letter of the preface."""
    for first, expected in (
        (PREFACE + EMPTY_SETTINGS, b"\x00\x00\x00\x04\x01\x00\x00\x00\x00"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"1.1 http"),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", b"1.1 http"),
        (b"PRI * HTTP/2.1\r\n\r\n", b"HTTP/1.1 505"),
    ):
        with connect(clear.address) as client:
            for start in range(0, len(first), size):
                client.sendall(first[start : start + size])
            read_until(client, expected)


def test_the_option_http2_adds_the_plugin(tmp_path: Path, certificate: Certificate) -> None:
    files = [f"--{name.replace('_', '-')}={value}" for name, value in certificate.options.items()]
    with CommandLine(
        "tests.test_http2:app", "--port=0", "--http2", "--loop=asyncio", *files, directory=tmp_path
    ) as line:
        url = line.url
        with httpx.Client(http2=True, verify=certificate.client_context(), timeout=DEADLINE) as client:
            assert client.get(url).http_version == "HTTP/2"
        with httpx.Client(verify=certificate.client_context(), timeout=DEADLINE) as client:
            assert client.get(url).http_version == "HTTP/1.1"


def test_the_option_http2_brings_the_options_of_the_plugin(tmp_path: Path) -> None:
    for variables in ({}, {"TRICORN_HTTP2": "1"}):
        option = [] if variables else ["--http2"]
        arguments = ["tests.test_http2:app", "--port=0", *option, "--h2-max-streams=7"]
        with CommandLine(*arguments, directory=tmp_path, **variables) as line:
            host, _, port = line.url.rpartition("/")[2].partition(":")
            with connect((host, int(port))) as client:
                client.sendall(PREFACE + EMPTY_SETTINGS)
                read_until(client, bytes((0, 3, 0, 0, 0, 7)))


def test_the_suite_that_the_plugin_brings_is_found(tmp_path: Path) -> None:
    with CommandLine("check", "http", "h2", directory=tmp_path) as line:
        assert line.end() == 0
        assert re.search(r"[1-9]\d+ checks passed, 0 failed", line.output[-1])


# --- curl -----------------------------------------------------------------------------------------------------------


def curl(*arguments: str, data: bytes = b"") -> str:
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--include", "--max-time", str(DEADLINE), *arguments],
        capture_output=True,
        timeout=2 * DEADLINE,
        check=True,
        input=data,
    )
    return done.stdout.decode().replace("\r\n", "\n")


def test_curl_negotiates_http_2(tls: str, certificate: Certificate) -> None:
    trusted = ("--cacert", str(certificate.authority))
    assert curl(*trusted, tls).endswith("\n\n2 https")
    assert curl(*trusted, "--http1.1", tls).endswith("\n\n1.1 https")


def test_curl_knows_beforehand(clear: ThreadServer) -> None:
    text = curl("--http2-prior-knowledge", clear.url)
    assert text.startswith("HTTP/2 200 \n")
    assert text.endswith("\n\n2 http")


def test_curl_asks_for_an_upgrade_and_stays_with_http_1_1(clear: ThreadServer) -> None:
    """RFC 9113 has done away with the upgrade from HTTP/1.1; the request is served as it came."""
    assert curl("--http2", clear.url).endswith("\n\n1.1 http")


@pytest.mark.parametrize("loop", LOOPS)
def test_curl_gets_the_upgrade_where_the_option_is_on(loop: str) -> None:
    with ThreadServer(app, Combination("h2,httptools", "frames", loop), h2_upgrade=True) as server:
        text = curl("--http2", server.url, server.url + "/count")
        assert text.startswith("HTTP/1.1 101 Switching Protocols\n")
        assert text.count("HTTP/2 200 \n") == 2
        assert "\n\n2 httpHTTP/2 200" in text
        assert text.endswith("\n998\n999\n")
        with_body = curl("--http2", "--data", "x", server.url)
        assert with_body.endswith("\n\n1.1 http")
        assert "1.1 http" in curl("--http1.1", server.url)


def test_curl_uploads(clear: ThreadServer) -> None:
    data = bytes(range(256)) * 40_000
    text = curl("--http2-prior-knowledge", "--data-binary", "@-", clear.url + "/digest", data=data)
    assert text.endswith(hashlib.sha256(data).hexdigest())


# --- httpx ----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def client(tls: str, certificate: Certificate) -> AsyncIterator[httpx.AsyncClient]:
    context = certificate.client_context()
    async with httpx.AsyncClient(http2=True, base_url=tls, verify=context, timeout=DEADLINE) as client:
        yield client


async def test_httpx_gets_http_2(client: httpx.AsyncClient) -> None:
    response = await client.get("/")
    assert (response.http_version, response.text) == ("HTTP/2", "2 https")
    assert response.headers["server"] == "tricorn"


async def test_httpx_makes_many_requests_at_once(client: httpx.AsyncClient) -> None:
    responses = await asyncio.gather(*[client.get(f"/bytes/{number * 1000}") for number in range(80)])
    assert [len(response.content) for response in responses] == [number * 1000 for number in range(80)]


async def test_httpx_uploads_with_and_without_a_length(client: httpx.AsyncClient) -> None:
    data = bytes(range(256)) * 20_000

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 50_000):
            yield data[start : start + 50_000]

    for content in (data, pieces()):
        response = await client.post("/digest", content=content)
        assert response.text == hashlib.sha256(data).hexdigest()


async def test_httpx_downloads(client: httpx.AsyncClient) -> None:
    async with client.stream("GET", f"/bytes/{10 * MIB}") as response:
        size = 0
        async for part in response.aiter_bytes():
            size += len(part)
    assert size == 10 * MIB
    assert (await client.get("/count")).text == "".join(f"{number}\n" for number in range(1000))


async def test_a_download_that_is_not_read_leaves_the_others_alone(client: httpx.AsyncClient) -> None:
    async with client.stream("GET", f"/bytes/{10 * MIB}") as unread:
        for _ in range(5):
            assert (await client.get("/")).text == "2 https"
        assert unread.status_code == 200
    assert (await client.get("/")).text == "2 https"
