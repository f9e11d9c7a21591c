"""Bodies that wait for the server to ask for them, and bodies that nobody reads: one part of `Http1Suite`."""

from __future__ import annotations

import asyncio

from tricorn.testing.http1_base import BEHIND, Http1ServingSuite, request
from tricorn.testing.http1_client import Http1Client
from tricorn.testing.suite import each

__all__ = ["ExpectationChecks"]

_CONTINUE = (b"Expect: 100-continue", b"Content-Length: 5")


class ExpectationChecks(Http1ServingSuite):
    """Expect: 100-continue (RFC 9110 section 10.1.1), and what becomes of unread bodies."""

    # --- Expect ---------------------------------------------------------------------------------------------------

    async def check_continue_is_sent_when_the_application_asks(self) -> None:
        """At the first `receive()`, and once."""
        async with self.http1() as (calls, client):
            answer = client.ask_raw(request(*_CONTINUE, method=b"POST"))
            call = await calls()
            await client.server.settle()
            assert not client.received
            waiting = asyncio.ensure_future(call.receive())
            await answer.until(lambda: bool(answer.interim))
            client.send_raw(b"hel")
            assert (await waiting)["body"] == b"hel"
            client.send_raw(b"lo")
            assert await call.body() == b"lo"
            await call.respond(b"done")
            assert await answer.whole() == b"done"
            assert [status for status, _ in answer.interim] == [100]
            answer = client.ask_raw(BEHIND)
            await (await calls()).respond(b"again")
            assert await answer.whole() == b"again"

    async def check_continue_is_sent_for_each_request(self) -> None:
        """A connection does not remember that it has been said."""
        async with self.http1() as (calls, client):
            for _ in range(2):
                answer = client.ask_raw(request(*_CONTINUE, method=b"POST"))
                call = await calls()
                waiting = asyncio.ensure_future(call.body())
                await answer.until(lambda answer=answer: bool(answer.interim))  # type: ignore[misc]
                client.send_raw(b"hello")
                assert await waiting == b"hello"
                await call.respond(b"done")
                assert await answer.whole() == b"done"
                assert [status for status, _ in answer.interim] == [100]

    async def check_no_continue_without_a_body(self) -> None:
        """There is nothing to go on with."""
        async with self.http1() as (calls, client):
            answer = client.ask_raw(request(b"Expect: 100-continue"))
            call = await calls()
            await call.body()
            await call.respond(b"done")
            assert await answer.whole() == b"done"
            assert not answer.interim

    async def check_no_continue_to_http_1_0(self) -> None:
        """It knows no interim responses."""
        async with self.http1() as (calls, client):
            answer = client.ask_raw(request(*_CONTINUE, method=b"POST", version=b"1.0"))
            call = await calls()
            waiting = asyncio.ensure_future(call.body())
            await client.server.settle()
            assert not client.received
            client.send_raw(b"hello")
            assert await waiting == b"hello"
            await call.respond(b"done")
            assert await answer.whole() == b"done"

    @each(whole=False, begun=True)
    async def check_no_continue_after_the_final_status(self, begun: bool) -> None:
        """A client that waits for it sends no body: the connection ends with the answer."""
        async with self.http1() as (calls, client):
            answer = client.ask_raw(request(*_CONTINUE, method=b"POST"))
            call = await calls()
            await call.start(403)
            if begun:
                await call.write(b"no", more_body=True)
                waiting = asyncio.ensure_future(call.receive())
                await client.server.settle()
                await call.write(b"body")
                await waiting
            else:
                await call.write(b"nobody")
                await call.receive()
            assert await answer.whole() == b"nobody"
            assert not answer.interim
            assert answer.values(b"connection") == [b"close"]
            client.send_raw(b"hello" + BEHIND)
            await client.until_closed()
            assert calls.count == 1

    async def check_a_body_that_did_not_wait_needs_no_continue(self) -> None:
        """RFC 9110 section 10.1.1; and the connection persists, since the body is there."""
        async with self.http1() as (calls, client):
            answer = client.ask_raw(request(*_CONTINUE, method=b"POST") + b"hello")
            call = await calls()
            assert await call.body() == b"hello"
            await call.respond(b"done")
            assert await answer.whole() == b"done"
            answer = client.ask_raw(BEHIND)
            await (await calls()).respond(b"again")
            assert await answer.whole() == b"again"

    # --- bodies that nobody reads ---------------------------------------------------------------------------------

    @each(known=b"Content-Length: 100000", unknown=b"Transfer-Encoding: chunked")
    async def check_a_small_unread_body_is_drained(self, framing: bytes) -> None:
        """And the next request is found behind it."""
        body = BEHIND * (100000 // len(BEHIND)) + b"x" * (100000 % len(BEHIND))
        async with self.http1() as (calls, client):
            answer = client.ask_raw(request(framing, method=b"POST"))
            await (await calls()).respond(b"early")
            assert await answer.whole() == b"early"
            answer = client.expect()
            sent = body if framing.startswith(b"Content") else b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
            client.send_raw(sent[:50000])
            client.send_raw(sent[50000:] + BEHIND)
            call = await calls()
            assert call.scope["path"] == "/behind"
            await call.respond(b"again")
            assert await answer.whole() == b"again"
            assert calls.count == 2

    @each(known=b"Content-Length: 10000000", unknown=b"Transfer-Encoding: chunked")
    async def check_a_large_unread_body_ends_the_connection(self, framing: bytes) -> None:
        """It is not worth reading. Where the length is known this is announced."""
        async with self.http1() as (calls, client):
            answer = client.ask_raw(request(framing, method=b"POST"))
            await (await calls()).respond(b"early")
            assert await answer.whole() == b"early"
            if framing.startswith(b"Content"):
                assert answer.values(b"connection") == [b"close"]
            else:
                client.send_raw(b"989680\r\n")
                for _ in range(10):
                    client.send_raw(b"x" * 65536)
            await client.until_closed()
            assert calls.count == 1

    async def check_a_promise_costs_nothing(self) -> None:
        """A length that nobody could send, and one byte of it."""
        async with self.http1() as (calls, client):
            client.ask_raw(request(b"Content-Length: 9223372036854775807", method=b"POST") + b"x")
            assert await (await calls()).receive() == {"type": "http.request", "body": b"x", "more_body": True}
            other = Http1Client(client.server)
            other.ask_raw(request(b"Transfer-Encoding: chunked", method=b"POST") + b"7fffffffffffffff\r\nx")
            assert await (await calls()).receive() == {"type": "http.request", "body": b"x", "more_body": True}
