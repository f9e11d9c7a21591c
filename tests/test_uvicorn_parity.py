"""The same bytes to uvicorn and to tricorn: the application and the client see the same, but for what is named here.

Each deliberate difference stands where it shows, with its reason; everything else must be equal.
"""

from __future__ import annotations

import logging
import queue
import re
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPResponse, IncompleteRead
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import pytest
import uvicorn
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Response
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as connect_websocket

from tests.apps.recorder import Behaviour, Call, Recorder
from tests.servers import DEADLINE, CommandLine, ThreadServer, read_until


class UvicornServer:
    """What `ThreadServer` is for tricorn."""

    def __init__(self, app: Any, **options: Any) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = self._socket.getsockname()
        self._server = uvicorn.Server(uvicorn.Config(app, log_config=None, **options))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def __enter__(self) -> UvicornServer:
        # The socket listens already: what connects before the server has started waits in its backlog.
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.should_exit = True
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive()


class Pair:
    """Both servers with the same options, each with its own application."""

    def __init__(self, **options: Any) -> None:
        self.apps = {"uvicorn": Recorder(), "tricorn": Recorder()}
        self.servers = {
            "uvicorn": UvicornServer(self.apps["uvicorn"], http="httptools", ws="websockets-sansio", **options),
            "tricorn": ThreadServer(self.apps["tricorn"], **options),
        }

    def __enter__(self) -> Pair:
        for server in self.servers.values():
            server.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        for server in self.servers.values():
            server.__exit__(None, None, None)

    def compare(self, behave: Behaviour, act: Callable[[tuple[str, int]], Any]) -> dict[str, dict[str, Any]]:
        """What each server's application and client have seen."""
        found = {}
        for name, server in self.servers.items():
            self.apps[name].behave = behave
            self.apps[name].calls = queue.Queue()
            client = act(server.address)
            call = self.apps[name].calls.get(timeout=DEADLINE)
            seen = {"events": call.events, "errors": call.errors}
            found[name] = {"client": client, "scope": portable(call.scope, server.address), "app": seen}
        return found


def portable(scope: dict[str, Any], address: tuple[str, int]) -> dict[str, Any]:
    """A scope without what differs from one connection to the next."""
    scope = dict(scope)
    assert scope["server"] == address
    assert scope["client"][0] == "127.0.0.1"
    del scope["server"], scope["client"]
    changing = {b"sec-websocket-key": b"key", b"host": b"host"}
    scope["headers"] = [(name, changing.get(name, value)) for name, value in scope["headers"]]
    return scope


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    access = logging.getLogger("uvicorn.access")
    access.disabled = True
    with Pair() as started:
        yield started
    access.disabled = False


def differences(found: dict[str, dict[str, Any]]) -> dict[str, tuple[Any, Any]]:
    """What the two have seen differently: where, and what it was with uvicorn and with tricorn."""
    places = {f"{part} {key}" for seen in found.values() for part in ("client", "scope", "app") for key in seen[part]}
    pairs = {}
    for place in places:
        part, _, key = place.partition(" ")
        pairs[place] = (found["uvicorn"][part].get(key), found["tricorn"][part].get(key))
    return {place: pair for place, pair in pairs.items() if pair[0] != pair[1]}


# --- HTTP -------------------------------------------------------------------------------------------------------------


def http(request: bytes, method: str = "GET", leave: bool = False) -> Callable[[tuple[str, int]], dict[str, Any]]:
    """A client that sends a request and parses the answer. leave: it does not wait for one."""

    def act(address: tuple[str, int]) -> dict[str, Any]:
        with socket.create_connection(address, DEADLINE) as client:
            client.sendall(request.replace(b"\n", b"\r\n"))
            if leave:
                return {}
            response = HTTPResponse(client, method=method)
            try:
                response.begin()
            except ConnectionError as error:
                return {"error": type(error).__name__}
            seen: dict[str, Any] = {"status": response.status, "reason": response.reason}
            fields = [(name.lower(), value) for name, value in response.getheaders()]
            seen |= {name: value for name, value in fields if name in FRAMING}
            seen["own fields"] = sorted(field[0] for field in fields if own(field))
            seen["fields"] = [field for field in fields if field[0] not in FRAMING and not own(field)]
            try:
                seen["body"] = response.read()
            except (IncompleteRead, ConnectionError):
                seen["body"] = "cut short"
            return seen

    return act


FRAMING = ("content-length", "transfer-encoding", "connection")


def own(field: tuple[str, str]) -> bool:
    """Whether a field is one that the server adds by itself."""
    name, value = field
    return (name == "server" and value in ("uvicorn", "tricorn")) or (name == "date" and value.endswith(" GMT"))


async def hello(call: Call) -> None:
    """Read the body and answer."""
    await call.body()
    await call.start(200, (b"content-length", b"5"), (b"x-a", b"1"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"))
    await call.write(b"hello")


REQUESTS = {
    "query and percent-escapes": b"GET /a%20b/%C3%A9?x=1&y=%20+ HTTP/1.1\nHost: h\n\n",
    "an escaped slash": b"GET /a%2Fb HTTP/1.1\nHost: h\n\n",
    "invalid UTF-8": b"GET /%ff%zz HTTP/1.1\nHost: h\n\n",
    "dots and double slashes": b"GET //a/../b/./c// HTTP/1.1\nHost: h\n\n",
    "an empty query": b"GET /? HTTP/1.1\nHost: h\n\n",
    "several question marks": b"GET /a?b?c=d HTTP/1.1\nHost: h\n\n",
    "fields": b"GET / HTTP/1.1\nHost: h\nX-Mixed-CASE: Value\nX_Under: 1\nX-Twice: a\nx-twice: b\nX-Empty:\n"
    b"X-Space: \t a  b\nX-Latin: \xe9\nCookie: a=1\nCookie: b=2\n\n",
    "HTTP/1.0": b"GET / HTTP/1.0\n\n",
    "another method": b"PURGE /x HTTP/1.1\nHost: h\n\n",
    "OPTIONS of the server": b"OPTIONS * HTTP/1.1\nHost: h\n\n",
    "absolute form": b"GET http://h/a?b=c HTTP/1.1\nHost: h\n\n",
    "a body with a length": b"POST / HTTP/1.1\nHost: h\nContent-Length: 3\n\nabc",
    "a chunked body": b"POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n1\na\n2;ext=1\nbc\n0\n\n",
    "an empty body": b"POST / HTTP/1.1\nHost: h\nContent-Length: 0\n\n",
    "a body of a GET": b"GET / HTTP/1.1\nHost: h\nContent-Length: 3\n\nabc",
    "close": b"GET / HTTP/1.1\nHost: h\nConnection: close\n\n",
}


@pytest.mark.parametrize("request_bytes", REQUESTS.values(), ids=REQUESTS)
def test_a_request_gives_the_same_scope_events_and_answer(pair: Pair, request_bytes: bytes) -> None:
    assert differences(pair.compare(hello, http(request_bytes))) == {}


def test_white_space_behind_a_value_is_no_part_of_it(pair: Pair) -> None:
    """RFC 9110 section 5.5; uvicorn's httptools keeps what is behind and drops what is before."""
    found = differences(pair.compare(hello, http(b"GET / HTTP/1.1\nHost: h\nX-Space: a \t\n\n")))
    assert found.keys() == {"scope headers"}
    assert [dict(headers)[b"x-space"] for headers in found["scope headers"]] == [b"a \t", b"a"]


def test_head_is_answered_without_a_body(pair: Pair) -> None:
    assert differences(pair.compare(hello, http(b"HEAD / HTTP/1.1\nHost: h\n\n", "HEAD"))) == {}


def test_keep_alive_is_granted_to_http_1_0(pair: Pair) -> None:
    found = pair.compare(hello, http(b"GET / HTTP/1.0\nConnection: keep-alive\n\n"))
    assert differences(found) == {"client connection": ("close", "keep-alive")}


GET = b"GET / HTTP/1.1\nHost: h\n\n"


async def streamed(call: Call) -> None:
    await call.start(200, (b"content-type", b"text/plain"))
    await call.write(b"one", True)
    await call.write(b"", True)
    await call.write(b"two", True)
    await call.write(b"")


async def no_content(call: Call) -> None:
    await call.start(204)
    await call.write(b"")


async def not_modified(call: Call) -> None:
    await call.start(304, (b"etag", b'"x"'))
    await call.write(b"")


async def unknown_status(call: Call) -> None:
    await call.start(599, (b"content-length", b"0"))
    await call.write(b"")


async def asks_to_close(call: Call) -> None:
    await call.start(200, (b"content-length", b"2"), (b"connection", b"close"))
    await call.write(b"ok")


async def raises(call: Call) -> None:
    raise ValueError("no")


async def raises_after_the_start(call: Call) -> None:
    await call.start(200, (b"content-length", b"10"))
    await call.write(b"half", True)
    raise ValueError("no")


async def returns_early(call: Call) -> None:
    """Without a response."""


async def returns_in_the_middle(call: Call) -> None:
    await call.start(200, (b"content-length", b"10"))
    await call.write(b"half", True)


async def returns_something(call: Call) -> int:
    await call.body()
    return 1


async def body_first(call: Call) -> None:
    await call.write(b"x")


async def starts_twice(call: Call) -> None:
    await call.start(200, (b"content-length", b"2"))
    await call.start(200)


async def sends_after_the_end(call: Call) -> None:
    await call.start(200, (b"content-length", b"2"))
    await call.write(b"ok")
    await call.write(b"more")


async def too_much(call: Call) -> None:
    await call.start(200, (b"content-length", b"2"))
    await call.write(b"three")


async def too_little(call: Call) -> None:
    await call.start(200, (b"content-length", b"9"))
    await call.write(b"three")


async def receives_after_the_end(call: Call) -> None:
    await call.body()
    await call.start(200, (b"content-length", b"2"))
    await call.write(b"ok")
    await call.receive()
    await call.receive()


async def one_event(call: Call) -> None:
    await call.start(200)
    await call.write(b"hello")


async def own_defaults(call: Call) -> None:
    await call.start(200, (b"content-length", b"0"), (b"server", b"mine"), (b"date", b"today"))
    await call.write(b"")


async def invalid_field(call: Call) -> None:
    await call.start(200, (b"x-bad", b"a\r\nx-injected: 1"))
    await call.write(b"")


@pytest.mark.parametrize(
    "behave",
    [streamed, no_content, not_modified, unknown_status, asks_to_close, body_first, raises, returns_early,
     raises_after_the_start, returns_in_the_middle, sends_after_the_end, receives_after_the_end],
    ids=lambda behave: behave.__name__,
)  # fmt: skip
def test_an_answer_reaches_the_client_alike(pair: Pair, behave: Behaviour) -> None:
    assert differences(pair.compare(behave, http(GET))) == {}


@pytest.mark.parametrize("behave", [starts_twice, too_much, too_little], ids=lambda behave: behave.__name__)
def test_a_mistake_before_a_byte_has_left_is_a_500(pair: Pair, behave: Behaviour) -> None:
    """The errors that the application sees are the same; uvicorn has sent a head by then that it cannot keep."""
    found = differences(pair.compare(behave, http(GET)))
    assert found["client status"] == (200, 500)
    assert found["client body"] == ("cut short", b"Internal Server Error")
    assert found.keys() <= CLIENT


CLIENT = {f"client {what}" for what in ("status", "reason", "fields", "own fields", "body", "error", *FRAMING)}
"""The response, of all that is compared."""


@pytest.mark.parametrize("behave", [returns_something, invalid_field], ids=lambda behave: behave.__name__)
def test_a_mistake_is_a_500_where_uvicorn_hangs_up(pair: Pair, behave: Behaviour) -> None:
    found = differences(pair.compare(behave, http(GET)))
    assert found.pop("client error") == ("RemoteDisconnected", None)
    assert found.pop("client status") == (None, 500)
    found.pop("app errors", None)
    assert found.keys() <= CLIENT


def test_a_response_of_one_event_has_a_length(pair: Pair) -> None:
    """One event tells how long the body is, which clients can use."""
    found = differences(pair.compare(one_event, http(GET)))
    assert found == {"client transfer-encoding": ("chunked", None), "client content-length": (None, "5")}


def test_a_stream_to_http_1_0_is_not_chunked(pair: Pair) -> None:
    """HTTP/1.0 does not know the coding: a client would take the framing for content."""
    found = differences(pair.compare(streamed, http(b"GET / HTTP/1.0\n\n")))
    assert found == {"client transfer-encoding": ("chunked", None)}


def test_fields_of_the_application_replace_the_default_ones(pair: Pair) -> None:
    """uvicorn sends both."""
    found = differences(pair.compare(own_defaults, http(GET)))
    assert found == {"client own fields": (["date", "server"], [])}


def test_trailers_are_no_headers(pair: Pair) -> None:
    """uvicorn's httptools adds them, so that they pass by whatever a proxy has checked."""
    chunked = b"POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n1\na\n0\nX-Admin: yes\n\n"
    found = differences(pair.compare(hello, http(chunked)))
    assert found.keys() == {"scope headers"}
    with_trailers, without = found["scope headers"]
    assert set(with_trailers) - set(without) == {(b"x-admin", b"yes")}


# --- clients that leave, and requests that are refused ----------------------------------------------------------------


async def waits_for_the_end(call: Call) -> None:
    await call.body()
    await call.receive()
    await call.receive()


async def sends_to_nobody(call: Call) -> None:
    await call.body()
    await call.receive()
    await call.start()
    await call.write(b"hello?", True)
    await call.write(b"nobody there")


async def is_left_in_the_middle(call: Call) -> None:
    await call.body()
    await call.start()
    await call.write(b"hello?", True)
    await call.receive()
    await call.write(b"nobody there", True)
    await call.write(b"")


async def half_a_body(call: Call) -> None:
    await call.body()


def leaves(address: tuple[str, int]) -> None:
    with socket.create_connection(address, DEADLINE) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")


def resets(address: tuple[str, int]) -> None:
    with socket.create_connection(address, DEADLINE) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        read_until(client, b"hello?")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def leaves_within_the_body(address: tuple[str, int]) -> None:
    with socket.create_connection(address, DEADLINE) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc")


@pytest.mark.parametrize(
    ("behave", "act"),
    [(waits_for_the_end, leaves), (sends_to_nobody, leaves), (is_left_in_the_middle, resets),
     (half_a_body, leaves_within_the_body)],
    ids=lambda part: part.__name__,
)  # fmt: skip
def test_an_application_learns_alike_that_its_client_left(pair: Pair, behave: Behaviour, act: Any) -> None:
    assert differences(pair.compare(behave, lambda address: act(address) or {})) == {}


BROKEN = {
    "no HTTP": b"hello\n\n",
    "a space in the target": b"GET /a b HTTP/1.1\nHost: h\n\n",
    "a field without a colon": b"GET / HTTP/1.1\nHost: h\nbroken\n\n",
    "an invalid length": b"POST / HTTP/1.1\nHost: h\nContent-Length: x\n\n",
}


@pytest.mark.parametrize("request_bytes", BROKEN.values(), ids=BROKEN)
def test_a_broken_request_is_refused(pair: Pair, request_bytes: bytes) -> None:
    """With 400 and a short text, and the connection ends."""
    answers = {name: http(request_bytes)(server.address) for name, server in pair.servers.items()}
    texts = {name: answer.pop("body") for name, answer in answers.items()}
    lengths = {name: int(answer.pop("content-length")) for name, answer in answers.items()}
    assert answers["uvicorn"] == answers["tricorn"]
    assert answers["tricorn"]["status"] == 400
    assert lengths == {name: len(text) for name, text in texts.items()}


STRICTER = {
    "no Host": b"GET / HTTP/1.1\n\n",
    "two framings": b"POST / HTTP/1.1\nHost: h\nContent-Length: 3\nTransfer-Encoding: chunked\n\n0\n\n",
}


@pytest.mark.parametrize("request_bytes", STRICTER.values(), ids=STRICTER)
def test_a_request_that_proxies_read_differently_is_refused(pair: Pair, request_bytes: bytes) -> None:
    """Whichever parser is used; uvicorn leaves it to the parser."""
    assert http(request_bytes)(pair.servers["tricorn"].address)["status"] == 400


def test_concurrency_is_limited_alike() -> None:
    """With 503; tricorn adds when to come again."""
    with Pair(limit_concurrency=1) as limited:
        answers = {name: http(GET)(server.address) for name, server in limited.servers.items()}
    answers["tricorn"]["fields"].remove(("retry-after", "1"))
    assert answers["uvicorn"] == answers["tricorn"]
    assert answers["tricorn"]["status"] == 503


def test_root_path_and_headers_are_applied_alike() -> None:
    with Pair(root_path="/api", headers=[("X-Default", "1")]) as mounted:
        assert differences(mounted.compare(hello, http(b"GET /a%20b HTTP/1.1\nHost: h\n\n"))) == {}


def test_a_server_header_of_the_configuration_replaces_the_default_one() -> None:
    with Pair(headers=[("Server", "mine")]) as named:
        for server in named.servers.values():
            assert [value for name, value in http(GET)(server.address)["fields"] if name == "server"] == ["mine"]


def test_continue_is_sent_to_an_application_that_reads(pair: Pair) -> None:
    def act(address: tuple[str, int]) -> dict[str, Any]:
        with socket.create_connection(address, DEADLINE) as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
            interim = read_until(client, b"\r\n\r\n")
            client.sendall(b"abc")
            return {"interim": interim, "answer": read_until(client, b"hello")[:15]}

    assert differences(pair.compare(hello, act)) == {}


# --- WebSockets -------------------------------------------------------------------------------------------------------


async def echoes(call: Call) -> None:
    await call.receive()
    await call.send("websocket.accept", subprotocol="b", headers=[(b"x-accepted", b"yes")])
    while (event := await call.receive())["type"] == "websocket.receive":
        await call.send("websocket.send", text=event.get("text"), bytes=event.get("bytes"))


async def denies(call: Call) -> None:
    await call.receive()
    await call.send("websocket.close")
    await call.receive()


async def denies_with_a_response(call: Call) -> None:
    await call.receive()
    await call.send("websocket.http.response.start", status=404, headers=[(b"content-length", b"4"), (b"x-a", b"b")])
    await call.send("websocket.http.response.body", body=b"gone")


async def raises_before_accepting(call: Call) -> None:
    await call.receive()
    raise ValueError("no")


async def returns_before_accepting(call: Call) -> None:
    await call.receive()


async def closes(call: Call) -> None:
    await call.receive()
    await call.send("websocket.accept")
    await call.send("websocket.close", code=4001, reason="enough")
    await call.send("websocket.send", text="more")


async def closes_plainly(call: Call) -> None:
    await call.receive()
    await call.send("websocket.accept")
    await call.send("websocket.close")


async def raises_after_accepting(call: Call) -> None:
    await call.receive()
    await call.send("websocket.accept")
    raise ValueError("no")


async def returns_after_accepting(call: Call) -> None:
    await call.receive()
    await call.send("websocket.accept")


async def sends_after_the_disconnect(call: Call) -> None:
    await call.receive()
    await call.send("websocket.accept")
    while (await call.receive())["type"] != "websocket.disconnect":
        pass
    await call.send("websocket.send", text="hello?")


async def accepts_twice(call: Call) -> None:
    await call.receive()
    await call.send("websocket.accept")
    await call.send("websocket.accept")


def talk(*messages: str | bytes, close: tuple[int, str] | None = None, drop: bool = False) -> Any:
    """A client that sends messages and awaits as many, then closes as told or waits to be closed."""

    def act(address: tuple[str, int]) -> dict[str, Any]:
        url = f"ws://{address[0]}:{address[1]}/a%20b?x=1"
        fields = {"X-Mine": "1"}
        try:
            with connect_websocket(
                url, subprotocols=["a", "b"], additional_headers=fields, open_timeout=DEADLINE
            ) as websocket:
                return conversation(websocket)
        except InvalidStatus as refused:
            return refusal(refused.response)

    def conversation(websocket: ClientConnection) -> dict[str, Any]:
        accepted = websocket.response.headers
        seen = {"accepted": accepted.get("x-accepted"), "subprotocol": websocket.subprotocol, "answers": []}
        seen["own fields"] = sorted(name for name in ("date", "server") if name in accepted)
        for message in messages:
            websocket.send(message)
            seen["answers"].append(websocket.recv(DEADLINE))
        if drop:
            websocket.socket.shutdown(socket.SHUT_RDWR)
        elif close is not None:
            websocket.close(*close)
        with pytest.raises(ConnectionClosed):
            websocket.recv(DEADLINE)
        return {**seen, "closed": (websocket.close_code, websocket.close_reason)}

    def refusal(response: Response) -> dict[str, Any]:
        fields = [(name.lower(), value) for name, value in response.headers.raw_items()]
        fields = [field for field in fields if field[0] not in FRAMING and not own(field)]
        return {"status": response.status_code, "body": response.body or b"", "fields": fields}

    return act


@pytest.mark.parametrize(
    ("behave", "act"),
    [
        pytest.param(
            echoes,
            talk("tea", "", b"\x00\xff", "f\N{LATIN SMALL LETTER U WITH DIAERESIS}r", close=(1000, "")),
            id="messages",
        ),
        pytest.param(echoes, talk("x" * 200_000, b"y" * 70_000, close=(4002, "bye")), id="large messages"),
        pytest.param(closes, talk(), id="a code and a reason"),
        pytest.param(closes_plainly, talk(), id="the default code"),
        pytest.param(raises_before_accepting, talk(), id="an error before accept"),
        pytest.param(returns_before_accepting, talk(), id="a return before accept"),
    ],
)
def test_a_websocket_behaves_alike(pair: Pair, behave: Behaviour, act: Any) -> None:
    assert differences(pair.compare(behave, act)) == {}


def test_a_send_after_the_disconnect_raises(pair: Pair) -> None:
    """An OSError of the same name; tricorn's says what happened."""
    found = differences(pair.compare(sends_after_the_disconnect, talk(close=(1001, "going"))))
    assert found == {"app errors": (["ClientDisconnected: "], ["ClientDisconnected: the WebSocket is closed"])}


def test_a_denied_websocket_is_a_403(pair: Pair) -> None:
    """The disconnect that follows has a reason, as the ASGI specification asks for."""
    found = differences(pair.compare(denies, talk()))
    assert found.keys() == {"app events"}
    with_uvicorn, with_tricorn = (events[-1] for events in found["app events"])
    assert with_tricorn == {**with_uvicorn, "reason": ""}


def test_a_denial_response_arrives(pair: Pair) -> None:
    """As the application made it; uvicorn adds a type of its own."""
    found = differences(pair.compare(denies_with_a_response, talk()))
    assert found.keys() == {"client fields"}
    with_uvicorn, with_tricorn = found["client fields"]
    assert with_uvicorn == [*with_tricorn, ("content-type", "text/plain; charset=utf-8")]


@pytest.mark.parametrize(
    ("behave", "code"), [(raises_after_accepting, 1011), (returns_after_accepting, 1000), (accepts_twice, 1011)]
)
def test_an_application_that_ends_closes_its_websocket(pair: Pair, behave: Behaviour, code: int) -> None:
    """uvicorn drops the connection, which tells the client nothing."""
    found = differences(pair.compare(behave, talk()))
    assert found.pop("client closed") == ((1006, ""), (code, ""))
    assert found == {}


def test_a_dropped_connection_is_1006(pair: Pair) -> None:
    """The code that RFC 6455 section 7.1.5 has for it; uvicorn says 1005, as if a close frame had come."""
    found = differences(pair.compare(echoes, talk("tea", drop=True)))
    assert found.keys() == {"app events"}
    assert [events[-1]["code"] for events in found["app events"]] == [1005, 1006]


# --- the command line and its log -------------------------------------------------------------------------------------


Act = Callable[[str], None]
ADDRESS = r"127\.0\.0\.1:\d+(?= -)"
ADDED = ("Using tricorn ", "Only reachable inside this container", "connection closed")
"""How lines begin that uvicorn does not have: the plugins and their versions, a hint in a container, and the end of a
WebSocket, which uvicorn leaves out after a closing handshake."""


class Lines:
    """What a run of the command line wrote, in words that both servers use."""

    def __init__(
        self, program: str, directory: Path, *arguments: str, act: Callable[[str], None] | None = None
    ) -> None:
        with CommandLine(*arguments, "--port", "0", directory=directory, program=("-m", program)) as server:
            if act is not None:
                act(server.url)
            self.status = server.end(signal.SIGINT if act is not None else None)
            output, log = server.output, server.log
        self.access = sorted(re.sub(ADDRESS, "CLIENT", line) for line in output)
        words = (re.sub(ADDRESS, "CLIENT", line.replace("Uvicorn", "Tricorn")) for line in log)
        lines = [re.sub(r"\[\d+\]", "[PID]", re.sub(r":\d+ \(", ":PORT (", line)) for line in words]
        self.log = [line for line in lines if not line.partition(":")[2].lstrip().startswith(ADDED)]


def both(directory: Path, *arguments: str, act: Act | None = None) -> tuple[Lines, Lines]:
    """The same arguments to both command lines."""
    return Lines("uvicorn", directory, *arguments, act=act), Lines("tricorn", directory, *arguments, act=act)


def visit(url: str) -> None:
    """Some requests whose log lines are compared."""
    with httpx.Client(base_url=url, timeout=DEADLINE) as client:
        client.get("/")
        client.get("/seen?x=1&y=%20")
        client.head("/read")
        client.post("/read", content=b"abc")
        client.get("/fail")
    with connect_websocket("ws" + url.removeprefix("http") + "/echo?a=b") as websocket:
        websocket.send("tea")
        websocket.recv(DEADLINE)
    # Once this is answered the server knows that the WebSocket is gone.
    httpx.get(url + "/", timeout=DEADLINE)


def test_the_log_of_a_run_is_the_same(tmp_path: Path) -> None:
    """But for the frames of the server in the application's traceback."""
    with_uvicorn, with_tricorn = both(tmp_path, "tests.apps.abuse:app", act=visit)
    assert with_tricorn.status == with_uvicorn.status == 0
    assert with_tricorn.access == with_uvicorn.access
    for lines in (with_uvicorn, with_tricorn):
        lines.log = [line for line in lines.log if not line.startswith("  ")]
    assert with_tricorn.log == with_uvicorn.log


def test_an_application_without_lifespan_is_noted_alike(tmp_path: Path) -> None:
    with_uvicorn, with_tricorn = both(tmp_path, "examples.hello:app", "--no-access-log", act=lambda url: None)
    assert with_tricorn.log == with_uvicorn.log


def test_a_start_up_that_fails_ends_alike(tmp_path: Path) -> None:
    """With status 3; the application's own words come before the server's."""
    with_uvicorn, with_tricorn = both(tmp_path, "tests.apps.broken:refuses_to_start")
    assert with_tricorn.status == with_uvicorn.status == 3
    assert with_tricorn.log == with_uvicorn.log


@pytest.mark.parametrize("app", ["tests.apps.nowhere:app", "tests.apps.broken:nothing"])
def test_an_application_that_cannot_be_found_ends_with_the_same_status(tmp_path: Path, app: str) -> None:
    """tricorn's line begins as uvicorn's does and adds what may help."""
    with_uvicorn, with_tricorn = both(tmp_path, app)
    assert with_tricorn.status == with_uvicorn.status
    assert len(with_tricorn.log) == len(with_uvicorn.log) == 1
