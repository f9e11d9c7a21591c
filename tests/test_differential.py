"""Almost valid requests: every codec gives the same, and nobody else could read an accepted one differently.

What tricorn passes on is compared with what the libraries h11 and httptools read by themselves, each a stand-in for
other servers behind or in front. One of them may refuse what tricorn accepts; none may find another method, target or
body in it, because that is how requests are smuggled. `TRICORN_EXAMPLES=50000` runs for long.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import h11
import httptools
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.servers import HTTP
from tricorn.registry import Registry
from tricorn.testing.replay import Outcome, replay
from tricorn.testing.strict import STRICT

DEFAULT = 600
EXAMPLES = int(os.environ.get("TRICORN_EXAMPLES", DEFAULT))
PROFILE = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES == DEFAULT, suppress_health_check=list(HealthCheck)
)

PROVIDERS = {"strict": STRICT} | {name: Registry().load("http", name).provider for name in HTTP}

Message = tuple[bytes, bytes, bytes]
"""Method, target, body."""

# --- the grammar ----------------------------------------------------------------------------------------------------

SPACES = ["", " ", "  ", "\t", " \t", "\x0b", "\x0c", "\xa0", "\r", "\n", "\r\n ", "\0"]
LINE_ENDS = ["\n", "\r", "\r\r\n", "\n\r", "\r\n\r\n", " \r\n", "\x85"]
METHODS = ["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "get", "BREW", "M-SEARCH", "G T", "", "PRI"]
TARGETS = ["/", "/a?b", "*", "http://test/", "http://test", "/%0d%0a", "/a b", "/a#b", "/\xe9", "x", "//a", "", "/\\<>"]
VERSIONS = ["HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "http/1.1", "HTTP/1.10", "HTTP/11", "HTTP/ 1.1"]
LENGTHS = ["0", "3", "5", "6", "05", "+5", "-5", "5,5", "5 5", "0x5", "5_0", "\xb2", "", "5;", str(1 << 63), "1" * 30]
CODINGS = [
    "chunked",
    "Chunked",
    "CHUNKED",
    "identity",
    "gzip",
    "gzip, chunked",
    "chunked, gzip",
    "chunked,",
    ",chunked",
]
CODINGS += ["chunked;q=1", "chunked chunked", '"chunked"', "xchunked", "chunked\x0b", "", "chunk", "\xa0chunked"]
NAMES = ["Content-Length", "content-length", "Transfer-Encoding", "TRANSFER-ENCODING", "Connection", "Host", "Expect"]
BROKEN_NAMES = ["", " ", "X Y", "X\t", "Content-Length ", "Content_Length", "Transfer-Encoding\0", "(", "\xe9"]
OTHER = ["close", "keep-alive", "a", "", "test", "100-continue", "a, b", "a\tb", "\xe9", "a:b", "content-length"]
SIZES = ["5", "05", "005", "0", "A", "+5", "-5", " 5", "5 ", "0x5", "5;a", '5;a="b"', "5;", "5;a=b;c", "", "g", "5\t"]
SIZES += ["f" * 17, "5_", "5,"]


def weighted(usual: str, odd: list[str], weight: int = 10) -> st.SearchStrategy[str]:
    """Mostly what is usual."""
    return st.sampled_from([usual] * (weight * len(odd)) + odd)


ENDS = weighted("\r\n", LINE_ENDS, 100)
GAPS = weighted(" ", SPACES, 100)


@st.composite
def fields(draw: st.DrawFn) -> list[tuple[str, str]]:
    """Names and values; framing comes often, and often more than once."""
    found = [("Host", "test")] if draw(st.integers(0, 10)) else []
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.integers(0, 3))
        if kind == 0:
            found.append((draw(st.sampled_from(NAMES[:2])), draw(weighted("5", LENGTHS, 3))))
        elif kind == 1:
            found.append((draw(st.sampled_from(NAMES[2:4])), draw(weighted("chunked", CODINGS, 3))))
        else:
            found.append((draw(weighted("X", NAMES + BROKEN_NAMES, 2)), draw(weighted("a", OTHER))))
    return draw(st.permutations(found))


@st.composite
def chunked_bodies(draw: st.DrawFn) -> str:
    """Five bytes in a chunk, or nearly so."""
    parts = []
    for _ in range(draw(st.integers(0, 2))):
        data = draw(weighted("hello", ["hell", "hello!", "", "\r\nabc"], 10))
        parts += [draw(weighted("5", SIZES, 4)), draw(ENDS), data, draw(ENDS)]
    parts += [draw(weighted("0", ["00", "0;a", "0 ", "-0", "", "0x0"])), draw(ENDS)]
    for _ in range(draw(weighted_count)):
        parts += [draw(weighted("X", NAMES + BROKEN_NAMES, 2)), ":", draw(weighted("a", OTHER)), draw(ENDS)]
    return "".join([*parts, draw(ENDS)])


weighted_count = st.sampled_from([0, 0, 0, 1, 2])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """One request, almost valid, and a good one behind it."""
    line = [draw(weighted("POST", METHODS)), draw(GAPS), draw(weighted("/", TARGETS)), draw(GAPS)]
    head = ["".join(line), draw(weighted("HTTP/1.1", VERSIONS)), draw(ENDS)]
    found = draw(fields())
    for name, value in found:
        head += [
            draw(weighted("", SPACES, 100)),
            name,
            draw(weighted(":", ["", " :", "::", ";"], 100)),
            draw(GAPS),
            value,
        ]
        head += [draw(weighted("", SPACES, 50)), draw(ENDS)]
    head.append(draw(ENDS))
    chunked = any(name.lower() == "transfer-encoding" for name, _ in found) or not draw(st.integers(0, 8))
    body = (
        draw(chunked_bodies())
        if chunked
        else draw(weighted("hello", ["", "hell", "hello!", "5\r\nhello\r\n0\r\n\r\n"]))
    )
    if not any(name.lower() in ("transfer-encoding", "content-length") for name, _ in found) and draw(st.booleans()):
        body = ""
    return "".join([*head, body]).encode("latin-1") + b"GET /behind HTTP/1.1\r\nHost: test\r\n\r\n"


# --- what others read -----------------------------------------------------------------------------------------------


def read_by_h11(data: bytes) -> list[Message]:
    """The complete messages that h11 finds before it refuses or ends."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    found: list[Message] = []
    request: Any = None
    body = b""
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                request, body = event, b""
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                found.append((request.method, request.target, body))
                connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
                connection.send(h11.EndOfMessage())
                if connection.our_state is not h11.DONE:
                    return found
                connection.start_next_cycle()
            else:
                return found
    except h11.RemoteProtocolError:
        return found


class Llhttp:
    """The complete messages that httptools finds before it refuses or ends."""

    def __init__(self, data: bytes) -> None:
        self.found: list[Message] = []
        self._target = self._body = b""
        self._parser = httptools.HttpRequestParser(self)
        with suppress(httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._target = self._body = b""

    def on_url(self, target: bytes) -> None:
        self._target += target

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self.found.append((self._parser.get_method(), self._target, self._body))


def accepted(outcome: Outcome) -> list[tuple[str, bytes, bytes]]:
    """Method, target as far as the scope tells, and body of each request that reached the application."""
    return [
        (request.method, request.raw_path + (b"?" + request.query if request.query else b""), request.body)
        for request in outcome.requests
    ]


def origin_form(target: bytes) -> bytes:
    """The target as the scope tells it."""
    if target[:4].lower() == b"http":
        target = b"/" + target.split(b"//", 1)[1].partition(b"/")[2]
    return target.removesuffix(b"?")


@PROFILE
@given(data=requests())
def test_almost_valid_requests_have_one_reading(data: bytes) -> None:
    outcomes = {name: replay(provider, [data]) for name, provider in PROVIDERS.items()}
    assert outcomes == dict.fromkeys(outcomes, outcomes["strict"])
    ours = accepted(outcomes["strict"])
    for name, theirs in (("h11", read_by_h11(data)), ("httptools", Llhttp(data).found)):
        for mine, message in zip(ours, theirs, strict=False):
            method, target, body = message
            assert mine == (method.decode("latin-1"), origin_form(target), body), name


@pytest.mark.parametrize("read", [read_by_h11, lambda data: Llhttp(data).found], ids=["h11", "httptools"])
def test_the_others_read_what_is_plainly_valid(read: Any) -> None:
    data = b"POST /a HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    data += b"PUT /b HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhelloGET /c HTTP/1.1\r\nHost: test\r\n\r\n"
    assert read(data) == [(b"POST", b"/a", b"hello"), (b"PUT", b"/b", b"hello"), (b"GET", b"/c", b"")]
    assert accepted(replay(STRICT, [data])) == [
        ("POST", b"/a", b"hello"),
        ("PUT", b"/b", b"hello"),
        ("GET", b"/c", b""),
    ]
