"""What HTTP/1 requests may look like, and what becomes of those that may not: the table driven part of `Http1Suite`."""

from __future__ import annotations

from typing import Any

from tricorn.testing.calls import Calls
from tricorn.testing.http1_base import BEHIND, Http1ServingSuite, request
from tricorn.testing.http1_bodies import BAD_BODIES, GOOD_BODIES
from tricorn.testing.http1_cases import BAD_REQUESTS, ODD_REQUESTS
from tricorn.testing.http1_client import Http1Client
from tricorn.testing.suite import each

_CHUNKED = request(b"Transfer-Encoding: chunked", method=b"POST")
_LARGE = 4096
"""Bytes of a request above which segments are longer than one byte: a check should take a moment."""


def _segment(request: bytes) -> int:
    return 1 if len(request) <= _LARGE else 997


class RequestChecks(Http1ServingSuite):
    """Heads and bodies as bytes, in one segment and in segments of one byte."""

    @each(**BAD_REQUESTS)
    async def check_refuses(self, case: tuple[bytes, int]) -> None:
        """With the right status, before the application; then the connection closes, whatever comes behind."""
        request, status = case
        async with self.http1() as (calls, client):
            client.ask_raw(request + BEHIND)
            await self._refused(calls, client, status)

    @each(**BAD_REQUESTS)
    async def check_refuses_in_segments(self, case: tuple[bytes, int]) -> None:
        """The same, whatever the network makes of it."""
        request, status = case
        async with self.http1() as (calls, client):
            client.expect()
            await client.send_pieces(request + BEHIND, _segment(request))
            await self._refused(calls, client, status)

    @each(**BAD_REQUESTS)
    async def check_refuses_behind_another(self, case: tuple[bytes, int]) -> None:
        """The same, when its turn has come."""
        bad, status = case
        async with self.http1() as (calls, client):
            answer = client.expect()
            client.ask_raw(request() + bad + BEHIND)
            await (await calls()).respond(b"first")
            assert await answer.whole() == b"first"
            await self._refused(calls, client, status)

    @each(**{f"x{byte:02x}": bytes((byte,)) for byte in (*range(0x20), 0x7F) if byte != 0x09})
    async def check_control_characters_are_refused_anywhere(self, control: bytes) -> None:
        """In a head, whole and byte by byte."""
        head = b"GET /a HTTP/1.1\r\nHost: test\r\nX: y z\r\n\r\n"
        async with self.http1() as (calls, first):
            first.half_close()
            for place in range(len(head) - 1):
                broken = head[:place] + control + head[place:] + BEHIND
                for size in (len(broken), 1):
                    client = Http1Client(first.server)
                    client.expect()
                    await client.send_pieces(broken, size)
                    await self._refused(calls, client, 400)

    @each(
        method=b"m4rk3r",
        target=b"GET /m4rk3r#a HTTP/1.1\r\nHost: test",
        version=b"GET / HTTP/m4rk3r\r\nHost: test",
        host=b"GET / HTTP/1.1\r\nHost: m4rk3r,",
        name=b"GET / HTTP/1.1\r\nHost: test\r\nm4rk3r : x",
        expectation=b"GET / HTTP/1.1\r\nHost: test\r\nExpect: m4rk3r",
        coding=b"GET / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: m4rk3r",
        authority=b"CONNECT m4rk3r:80 HTTP/1.1\r\nHost: m4rk3r:80",
    )
    async def check_refusals_say_nothing_of_the_request(self, head: bytes) -> None:
        """What it says, a page elsewhere may have made the client say."""
        async with self.http1() as (_, client):
            await client.ask_raw(head + b"\r\n\r\n").whole()
            assert b"m4rk3r" not in client.received.lower()
            assert not any("m4rk3r" in record.getMessage() for record in client.server.log)

    async def _refused(self, calls: Calls, client: Http1Client, status: int) -> None:
        """The last answer is a refusal, and its request the first that no application gets."""
        answer = client.answers[-1]
        body = await answer.whole()
        assert answer.status == status
        assert len(body) < 100
        assert answer.values(b"connection") == [b"close"]
        assert answer.values(b"content-length") == [b"%d" % len(body)]
        assert len(answer.values(b"date")) == 1
        assert client.closed, f"the connection stays open after a {status}"
        client.half_close()
        await client.server.settle()
        assert not client.server.kernel.connections, "the connection is kept after the client has closed it"
        assert calls.count == len(client.answers) - 1, "the application was called"

    @each(**ODD_REQUESTS)
    async def check_serves(self, case: tuple[bytes, dict[str, Any], bytes]) -> None:
        """What looks odd and has one reading only; and the connection persists."""
        request, expected, body = case
        async with self.http1() as (calls, client):
            answer = client.ask_raw(request)
            await self._served(calls, client, expected, body)
            assert await answer.whole() == b"done"

    @each(**ODD_REQUESTS)
    async def check_serves_in_segments(self, case: tuple[bytes, dict[str, Any], bytes]) -> None:
        """The same, whatever the network makes of it."""
        request, expected, body = case
        async with self.http1() as (calls, client):
            answer = client.expect()
            await client.send_pieces(request, _segment(request))
            await self._served(calls, client, expected, body)
            assert await answer.whole() == b"done"

    async def _served(self, calls: Calls, client: Http1Client, expected: dict[str, Any], body: bytes) -> None:
        call = await calls()
        assert {name: call.scope[name] for name in expected} == expected
        assert await call.body() == body
        await call.respond(b"done")
        answer = client.answers[0]
        await answer.whole()
        if call.scope["http_version"] == "1.1":
            answer = client.ask_raw(BEHIND)
            call = await calls()
            assert call.scope["path"] == "/behind"
            await call.respond(b"done")
            assert await answer.whole() == b"done"

    @each(**BAD_BODIES)
    async def check_refuses_bodies(self, case: tuple[bytes, int]) -> None:
        """A body that is not framed as it says, in one segment with its head: the application is not called."""
        body, status = case
        async with self.http1() as (calls, client):
            client.ask_raw(_CHUNKED + body + BEHIND)
            await self._refused(calls, client, status)

    @each(**BAD_BODIES)
    async def check_refuses_bodies_in_segments(self, case: tuple[bytes, int]) -> None:
        """The application has been called, and never hears that the body was complete."""
        body, status = case
        async with self.http1() as (calls, client):
            answer = client.ask_raw(_CHUNKED, method=b"POST")
            call = await calls()
            await client.send_pieces(body + BEHIND, _segment(body))
            while (event := await call.receive())["type"] == "http.request":
                assert event["more_body"], "a broken body was passed for a complete one"
            assert event == {"type": "http.disconnect"}
            assert await answer.head() == status
            await call.respond(b"too late")
            await answer.whole()
            assert answer.status == status
            assert client.closed
            assert calls.count == 1

    @each(**BAD_BODIES)
    async def check_bad_bodies_cut_an_answer_that_has_begun(self, case: tuple[bytes, int]) -> None:
        """There is no place for another status."""
        body, _ = case
        async with self.http1() as (calls, client):
            answer = client.ask_raw(_CHUNKED, method=b"POST")
            call = await calls()
            await call.start()
            await call.write(b"begun", more_body=True)
            client.send_raw(body + BEHIND)
            assert not await answer.ended()
            assert answer.status == 200
            assert calls.count == 1
            call.finish()

    @each(**BAD_BODIES)
    async def check_bad_bodies_get_no_second_answer(self, case: tuple[bytes, int]) -> None:
        """The application has answered without waiting for the body: a client would take another answer for that of
        its next request."""
        body, _ = case
        async with self.http1() as (calls, client):
            answer = client.ask_raw(_CHUNKED, method=b"POST")
            call = await calls()
            await call.respond(b"early")
            assert await answer.whole() == b"early"
            client.send_raw(body + BEHIND)
            await client.until_closed()
            assert calls.count == 1
            assert client.received.count(b"HTTP/1.1 ") == 1

    @each(**GOOD_BODIES)
    async def check_reads_chunked_bodies(self, case: tuple[bytes, bytes]) -> None:
        """Extensions and trailers are dropped; the next request is found behind them."""
        sent, body = case
        async with self.http1() as (calls, client):
            client.ask_raw(_CHUNKED + sent + BEHIND, method=b"POST")
            client.expect()
            await self._read_both(calls, client, body)

    @each(**GOOD_BODIES)
    async def check_reads_chunked_bodies_in_segments(self, case: tuple[bytes, bytes]) -> None:
        """The same, whatever the network makes of it."""
        sent, body = case
        async with self.http1() as (calls, client):
            client.ask_raw(_CHUNKED, method=b"POST")
            client.expect()
            await client.send_pieces(sent + BEHIND, _segment(sent))
            await self._read_both(calls, client, body)

    async def _read_both(self, calls: Calls, client: Http1Client, body: bytes) -> None:
        call = await calls()
        assert await call.body() == body
        assert call.scope["headers"] == [(b"host", b"test"), (b"transfer-encoding", b"chunked")]
        await call.respond()
        call = await calls()
        assert call.scope["path"] == "/behind"
        await call.respond()
        await client.answers[1].whole()
