"""WSGI applications over real sockets: bodies of every framing, streaming both ways, and what must not reach them."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import flask
import httpx
import pytest

from tricorn.testing import serve
from tricorn_interface_wsgi import matches

DEADLINE = 30.0

flask_app = flask.Flask(__name__)


@flask_app.route("/echo", methods=["POST"])
def echo() -> Any:
    data = flask.request.get_data()
    return {"size": len(data), "digest": hashlib.sha256(data).hexdigest(), "url": flask.request.url}


@flask_app.route("/form", methods=["POST"])
def form() -> Any:
    return {"file": flask.request.files["file"].read().decode(), "field": flask.request.form["field"]}


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 70_000):
        yield data[start : start + 70_000]


@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
async def test_flask_gets_a_body_of_either_framing(chunked: bool) -> None:
    data = bytes(range(256)) * 8192
    async with serve(flask_app) as url, httpx.AsyncClient() as client:
        answer = await client.post(url + "/echo?a=b%20c", content=pieces(data) if chunked else data)
        assert answer.json() == {
            "size": len(data),
            "digest": hashlib.sha256(data).hexdigest(),
            "url": url + "/echo?a=b%20c",
        }


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_request_without_a_body_is_read_to_its_end_at_once(method: str) -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        data = environ["wsgi.input"].read() + environ["wsgi.input"].read(1)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"%d" % len(data)]

    async with serve(app, interface="wsgi") as url, httpx.AsyncClient(timeout=DEADLINE) as client:
        assert (await client.request(method, url)).content == b"0"


async def test_flask_gets_a_form_with_a_file() -> None:
    async with serve(flask_app) as url, httpx.AsyncClient() as client:
        answer = await client.post(url + "/form", files={"file": b"content"}, data={"field": "value"})
        assert answer.json() == {"file": "content", "field": "value"}


async def test_every_way_to_read_the_input_works() -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        file = environ["wsgi.input"]
        read = [file.readline(), file.readline(3), file.read(2), *file.readlines(), file.read(), file.readline()]
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"|".join(read)]

    async with serve(app, interface="wsgi") as url, httpx.AsyncClient() as client:
        assert (await client.post(url, content=b"one\nabcdefg\nx\ny")).content == b"one\n|abc|de|fg\n|x\n|y||"
        assert (await client.post(url, content=b"")).content == b"||||"


async def test_a_response_leaves_piece_by_piece() -> None:
    read = threading.Event()

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"first"
        assert read.wait(DEADLINE)
        yield b"second"

    async with serve(app) as url, httpx.AsyncClient() as client, client.stream("GET", url) as answer:
        parts = answer.aiter_raw()
        assert await anext(parts) == b"first"
        read.set()
        assert await anext(parts) == b"second"


async def test_an_endless_response_ends_when_the_client_leaves() -> None:
    closed = threading.Event()

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [])
        try:
            while True:
                yield b"more" * 1000
        finally:
            closed.set()

    async with serve(app) as url, httpx.AsyncClient() as client:
        async with client.stream("GET", url) as answer:
            await anext(answer.aiter_raw())
        assert await asyncio.to_thread(closed.wait, DEADLINE)


async def test_a_body_that_breaks_off_raises_in_the_application() -> None:
    raised: list[BaseException] = []
    done = threading.Event()

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            environ["wsgi.input"].read()
        except OSError as error:
            raised.append(error)
            raise
        finally:
            done.set()
        return []

    async with serve(app) as url:
        _, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfive!")
        await writer.drain()
        writer.close()
        assert await asyncio.to_thread(done.wait, DEADLINE)
    assert isinstance(raised[0], ConnectionError)


async def test_an_exception_is_a_500() -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        raise LookupError("broken")

    async with serve(app) as url, httpx.AsyncClient() as client:
        assert (await client.get(url)).status_code == 500


async def test_a_header_that_must_not_be_sent_is_a_500_and_ends_the_application() -> None:
    closed = threading.Event()

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [("X-Bad", "a\nb")])
        try:
            while True:
                yield b"more"
        finally:
            closed.set()

    async with serve(app) as url, httpx.AsyncClient() as client:
        assert (await client.get(url)).status_code == 500
        assert await asyncio.to_thread(closed.wait, DEADLINE)


async def test_names_with_underscores_are_dropped_and_cookies_joined() -> None:
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        seen.update(environ)
        start_response("204 No Content", [])
        return []

    async with serve(app) as url, httpx.AsyncClient() as client:
        fields = [("X-User", "proxy"), ("X_User", "attacker"), ("Cookie", "a=1"), ("Cookie", "b=2")]
        await client.get(url + "/p%20q?x=1", headers=fields)
    assert seen["HTTP_X_USER"] == "proxy"
    assert seen["HTTP_COOKIE"] == "a=1; b=2"
    assert (seen["PATH_INFO"], seen["QUERY_STRING"], seen["wsgi.url_scheme"]) == ("/p q", "x=1", "http")


async def test_the_root_path_is_the_script_name() -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [environ["SCRIPT_NAME"].encode() + b" " + environ["PATH_INFO"].encode()]

    async with serve(app, root_path="/api") as url, httpx.AsyncClient() as client:
        assert (await client.get(url + "/users")).content == b"/api /users"


async def test_an_upgrade_to_a_websocket_is_served_as_a_request() -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [b"plain"]

    handshake = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    async with serve(app) as url, httpx.AsyncClient() as client:
        assert (await client.get(url, headers=handshake)).content == b"plain"


def test_what_is_recognised_as_wsgi() -> None:
    async def asgi3(scope: Any, receive: Any, send: Any) -> None: ...
    async def coroutine(environ: Any, start_response: Any) -> None: ...
    def wsgi(environ: Any, start_response: Any) -> None: ...
    def anything(*args: Any) -> None: ...

    class Asgi2:
        def __init__(self, scope: Any) -> None: ...

    assert matches(flask_app)
    assert matches(wsgi)
    assert not any(matches(app) for app in (asgi3, coroutine, anything, Asgi2, object()))
