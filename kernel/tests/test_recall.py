"""What is remembered of earlier heads makes the next one cheaper, and changes nothing about it."""

from __future__ import annotations

from itertools import product
from random import Random
from typing import Any

from tricorn.api import Scope
from tricorn.testing.calls import Calls
from tricorn.testing.http1_base import request
from tricorn.testing.http1_client import Http1Client
from tricorn.testing.memory_server import MemoryServer, memory_server, run_in_memory
from tricorn.testing.strict import STRICT

LINES = (
    b"GET / HTTP/1.1",
    b"GET / HTTP/1.0",
    b"POST /a%20b?c HTTP/1.1",
    b"HEAD http://other/ HTTP/1.1",
    b"GET HTTP/1.1",
)
BLOCKS = (
    (b"Host: test",),
    (b"Host: test", b"Host: test"),
    (b"Host: te st",),
    (b"Accept: a", b"Accept: b"),
    (b"Host: test", b"X: 1", b"Accept: *", b"x: 2"),
    (b"Host: test", b"Connection: close"),
    (b"Host: test", b"Connection: keep-alive"),
    (b"Host: test", b"Content-Length: 3"),
    (b"Host: test", b"Content-Length: 3", b"Expect: 100-continue"),
    (b"Host: test", b"Content-Length: 3", b"Content-Length: 3"),
    (b"Host: test", b"Transfer-Encoding: chunked"),
    (b"Host: test", b"Transfer-Encoding: chunked", b"Content-Length: 3"),
    (b"Host: test", b"Upgrade: h2c", b"Connection: upgrade"),
    (b"Host: test", b"X-Forwarded-For: 192.0.2.7", b"X-Forwarded-Proto: https"),
)


def told(scope: Scope) -> bytes:
    """All that an application learns of a head."""
    return repr(sorted((key, value) for key, value in scope.items() if key != "state")).encode()


async def outcome(server: MemoryServer, head: bytes) -> tuple[Any, ...]:
    """Everything that a head leads to on a connection of its own: informational answers, answer, end."""
    body = b"3\r\nabc\r\n0\r\n\r\n" if b"chunked" in head else b"abc" * (b"-Length" in head)
    client = Http1Client(server)
    answer = client.ask_raw(head + body, method=head.partition(b" ")[0])
    await answer.ended()
    await server.settle()
    fields = [field for field in answer.fields if field[0] != b"date"]
    return answer.interim, answer.status, fields, bytes(answer.body), answer.cut, client.closed


def test_what_came_before_changes_nothing() -> None:
    """Any request line above any fields has the same outcome on a new server, and on one that has seen all of them."""
    heads = [b"\r\n".join((line, *block, b"", b"")) for line, block in product(LINES, BLOCKS)]
    random = Random(7)

    async def check() -> None:
        expected = {}
        for head in heads:
            async with memory_server(Calls(echo=told).app, STRICT) as server:
                expected[head] = await outcome(server, head)
        async with memory_server(Calls(echo=told).app, STRICT) as server:
            for _ in range(5):
                for head in random.sample(heads, len(heads)):
                    assert await outcome(server, head) == expected[head], head
            sections = server.kernel.recall._sections
            assert {len(block) for block in sections[0]} & {len(block) for block in sections[1]}
            assert not [block for known in sections for block in known if b"Upgrade" in block]

    run_in_memory(check())


def test_an_application_may_keep_and_change_its_headers() -> None:
    kept: list[list[Any]] = []

    def change(scope: Scope) -> bytes:
        headers = scope["headers"]
        kept.append(headers)
        headers.append((b"x-count", b"%d" % len(kept)))
        return repr(headers).encode()

    async def check() -> None:
        async with memory_server(Calls(echo=change).app, STRICT) as server:
            client = Http1Client(server)
            for count in range(1, 6):
                body = await client.ask_raw(request(b"Accept: *")).whole()
                assert body == repr([(b"host", b"test"), (b"accept", b"*"), (b"x-count", b"%d" % count)]).encode()
        assert [headers[-1][1] for headers in kept] == [b"1", b"2", b"3", b"4", b"5"]

    run_in_memory(check())


def test_a_known_line_and_known_fields_are_within_the_limits_together() -> None:
    """A head over the limit is refused, even when its line and its fields have been fine in smaller ones."""
    long_line = request(target=b"/" + b"a" * 400)
    many_fields = request(*(b"X-%d: %b" % (each, b"y" * 40) for each in range(10)))
    both = request(*(b"X-%d: %b" % (each, b"y" * 40) for each in range(10)), target=b"/" + b"a" * 400)

    async def check() -> None:
        async with memory_server(Calls(echo=lambda scope: b"").app, STRICT, limit_request_head=700) as server:
            for _ in range(4):
                for head, status in ((long_line, 200), (many_fields, 200), (both, 431)):
                    assert await Http1Client(server).ask_raw(head).head() == status

    run_in_memory(check())


def test_lines_seen_before_are_judged_anew_in_each_head() -> None:
    """A second Host, a second length or another version is refused, though each of its lines was fine before."""
    good = [
        request(b"Content-Length: 0", method=b"POST"),
        request(b"Transfer-Encoding: chunked", method=b"POST") + b"0\r\n\r\n",
        request(b"Connection: keep-alive", version=b"1.0"),
        request(target=b"http://other/"),
    ]
    bad = [
        request(b"Host: test"),
        request(b"Content-Length: 0", b"Content-Length: 0", method=b"POST"),
        request(b"Content-Length: 0", b"Transfer-Encoding: chunked", method=b"POST") + b"0\r\n\r\n",
        request(b"Transfer-Encoding: chunked", version=b"1.0"),
        b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        b"Host: test\r\nHost: test\r\n\r\n",
        b"POST / HTTP/1.1\r\nPOST / HTTP/1.1\r\nHost: test\r\n\r\n",
    ]

    async def check() -> None:
        calls = Calls(echo=lambda scope: b"done")
        async with memory_server(calls.app, STRICT) as server:
            for _ in range(3):
                for head in good:
                    answer = Http1Client(server).ask_raw(head)
                    assert await answer.whole() == b"done"
                for head in bad:
                    answer = Http1Client(server).ask_raw(head)
                    assert await answer.head() == 400, head
            assert calls.count == 3 * len(good)

    run_in_memory(check())


def test_lines_that_are_remembered_are_bounded() -> None:
    async def check() -> None:
        calls = Calls(echo=lambda scope: b"")
        async with memory_server(calls.app, STRICT) as server:
            for number in range(50):
                fields = [b"X-%d-%d: %b" % (number, each, b"y" * 20) for each in range(100)]
                answer = Http1Client(server).ask_raw(request(*fields, target=b"/%d" % number))
                assert await answer.whole() == b""
                again = Http1Client(server).ask_raw(request(*fields, target=b"/again"))
                assert await again.whole() == b""
            recall = server.kernel.recall
            assert len(recall._fields) <= 2048
            assert len(recall._requests) <= 2048
            assert not recall._sections[1], "they are larger than is worth remembering"

            for number in range(600):
                for _ in range(3):
                    answer = Http1Client(server).ask_raw(request(b"X: %d" % number))
                    assert await answer.whole() == b""
            assert 0 < len(recall._sections[1]) <= 256

    run_in_memory(check())
