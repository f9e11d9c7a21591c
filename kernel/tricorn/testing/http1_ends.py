"""How an HTTP/1 connection ends, and what its client hears of that: one part of `Http1Suite`."""

from __future__ import annotations

from tricorn.testing.http1_base import BEHIND, Http1ServingSuite, request
from tricorn.testing.suite import each

__all__ = ["EndChecks"]


class EndChecks(Http1ServingSuite):
    """Clients that stop sending, within a request or behind it, and refusals that have to arrive."""

    async def check_half_closed_requests_are_answered(self) -> None:
        """The client has said that no more requests follow, and waits."""
        async with self.http1() as (calls, client):
            answers = [client.expect(), client.expect()]
            client.send_raw(request() + BEHIND)
            client.half_close()
            for answer in answers:
                await (await calls()).respond(b"hello")
                assert await answer.whole() == b"hello"
            assert [answer.values(b"connection") for answer in answers] == [[], [b"close"]]
            await client.until_closed()
            await client.server.settle()
            assert not client.server.kernel.connections

    @each(known=b"Content-Length: 10", unknown=b"Transfer-Encoding: chunked")
    async def check_the_end_of_input_inside_a_body_is_a_disconnect(self, framing: bytes) -> None:
        """Never the end of the body."""
        async with self.http1() as (calls, client):
            client.ask_raw(request(framing, method=b"POST"))
            call = await calls()
            client.send_raw(b"5\r\nhe" if framing.startswith(b"T") else b"hello")
            client.half_close()
            while (event := await call.receive())["type"] == "http.request":
                assert event["more_body"]
            await call.respond(b"too late")
            await client.server.settle()
            assert not client.server.kernel.connections

    @each(known=b"Content-Length: 10", unknown=b"Transfer-Encoding: chunked")
    async def check_the_end_of_input_inside_a_pipelined_body_is_a_disconnect(self, framing: bytes) -> None:
        """The same of a request that has to wait for its turn."""
        async with self.http1() as (calls, client):
            answer = client.expect()
            client.expect()
            part = b"5\r\nhe" if framing.startswith(b"T") else b"hello"
            client.send_raw(request() + request(framing, method=b"POST") + part)
            client.half_close()
            await (await calls()).respond(b"hello")
            assert await answer.whole() == b"hello"
            call = await calls()
            while (event := await call.receive())["type"] == "http.request":
                assert event["more_body"]
            await call.respond(b"too late")
            await client.server.settle()
            assert not client.server.kernel.connections
            assert client.received.count(b"HTTP/1.1 ") == 1

    async def check_the_end_of_input_inside_a_body_cuts_a_stream_to_http_1_0(self) -> None:
        """An orderly end would be the end of the answer that has begun."""
        async with self.http1() as (calls, client):
            answer = client.ask_raw(request(b"Content-Length: 10", method=b"POST", version=b"1.0"))
            call = await calls()
            await call.start()
            await call.write(b"begun", more_body=True)
            client.half_close()
            assert not await answer.ended()

    @each(nothing=b"", empty_line=b"\r\n", part_of_a_line=b"GE", part_of_a_head=b"GET / HTTP/1.1\r\nHost: te")
    async def check_the_end_of_input_before_a_request_closes(self, data: bytes) -> None:
        """There is nothing to answer."""
        async with self.http1() as (calls, client):
            client.send_raw(data)
            client.half_close()
            await client.until_closed()
            assert not client.received
            assert calls.count == 0

    async def check_a_client_that_still_sends_gets_its_refusal(self) -> None:
        """Closing over unread input would reset the connection and could take the answer away."""
        async with self.http1() as (_, client):
            answer = client.ask_raw(b"BAD\r\n\r\n")
            for _ in range(10):
                client.send_raw(b"x" * 1000)
            assert await answer.head() == 400
            await answer.whole()
            assert not client.reset
            assert client.transport.is_reading()
            client.half_close()
            await client.server.settle()
            assert not client.server.kernel.connections

    @each(at_once=0, in_segments=1)
    async def check_nothing_behind_a_body_over_the_limit_is_served(self, pieces: int) -> None:
        """A request in the place of a body's rest is none."""
        async with self.http1(limit_request_body=10) as (calls, client):
            answer = client.expect()
            sent = request(b"Transfer-Encoding: chunked", method=b"POST") + b"b\r\nhello world\r\n0\r\n\r\n" + BEHIND
            await client.send_pieces(sent, pieces or len(sent))
            assert await answer.head() == 413
            await answer.whole()
            assert client.closed
            assert calls.count == pieces, "the application was called, or was not"
            assert client.received.count(b"HTTP/1.1 ") == 1
