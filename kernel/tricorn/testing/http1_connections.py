"""When an HTTP/1 connection persists, in which order it answers, and what is framed how: one part of `Http1Suite`."""

from __future__ import annotations

from tricorn.testing.http1_base import BEHIND, Http1ServingSuite, request
from tricorn.testing.suite import each

__all__ = ["ConnectionChecks"]


class ConnectionChecks(Http1ServingSuite):
    """Persistence, pipelining, and framing of responses."""

    # --- persistence ----------------------------------------------------------------------------------------------

    @each(
        plain=(b"1.1", (), True),
        keep_alive=(b"1.1", (b"Connection: keep-alive",), True),
        other_option=(b"1.1", (b"Connection: foo",), True),
        closes=(b"1.1", (b"Connection: closes",), True),
        close=(b"1.1", (b"Connection: close",), False),
        close_in_capitals=(b"1.1", (b"CONNECTION: CLOSE",), False),
        close_in_list=(b"1.1", (b"Connection: Close, foo",), False),
        close_at_the_end=(b"1.1", (b"Connection: foo ,\tclose",), False),
        close_and_keep_alive=(b"1.1", (b"Connection: keep-alive, close",), False),
        close_in_second_field=(b"1.1", (b"Connection: keep-alive", b"Connection: close"), False),
        old=(b"1.0", (), False),
        old_keep_alive=(b"1.0", (b"Connection: Keep-Alive",), True),
        old_keep_alive_and_close=(b"1.0", (b"Connection: keep-alive, close",), False),
    )
    async def check_persistence(self, case: tuple[bytes, tuple[bytes, ...], bool]) -> None:
        """RFC 9112 section 9.3; and that it ends is announced. What comes behind the last request is not served."""
        version, fields, persists = case
        async with self.http1() as (calls, client):
            answer = client.ask_raw(request(*fields, version=version))
            await (await calls()).respond(b"hello")
            assert await answer.whole() == b"hello"
            if not persists:
                assert answer.values(b"connection") == [b"close"]
                client.send_raw(BEHIND)
                await client.server.settle()
                assert client.closed
                assert calls.count == 1
                return
            assert answer.values(b"connection") == ([b"keep-alive"] if version == b"1.0" else [])
            answer = client.ask_raw(BEHIND)
            await (await calls()).respond(b"again")
            assert await answer.whole() == b"again"

    async def check_nothing_behind_the_last_request_is_served(self) -> None:
        """Though it has arrived together with it."""
        async with self.http1() as (calls, client):
            answer = client.ask_raw(request(b"Connection: close") + BEHIND)
            await (await calls()).respond(b"hello")
            assert await answer.whole() == b"hello"
            await client.until_closed()
            await client.server.settle()
            assert calls.count == 1

    async def check_the_application_may_end_the_connection(self) -> None:
        """By a field of its response."""
        async with self.http1() as (calls, client):
            answer = client.ask_raw(request() + BEHIND)
            await (await calls()).respond(b"hello", headers=[(b"Connection", b"Close")])
            assert await answer.whole() == b"hello"
            assert answer.values(b"connection") == [b"close"]
            await client.until_closed()
            assert calls.count == 1

    # --- pipelining -----------------------------------------------------------------------------------------------

    async def check_pipelined_requests_are_answered_in_order(self) -> None:
        """One call at a time, whatever they carry."""
        requests = [
            request(target=b"/0"),
            request(b"Content-Length: 5", method=b"POST", target=b"/1") + b"hello",
            request(b"Transfer-Encoding: chunked", method=b"PUT", target=b"/2") + b"5\r\nhello\r\n0\r\n\r\n",
            b"\r\n" + request(method=b"BREW", target=b"/3"),
            b"\r\n" + request(target=b"/4"),
        ]
        async with self.http1() as (calls, client):
            answers = [client.expect() for _ in requests]
            client.send_raw(b"".join(requests))
            for number, answer in enumerate(answers):
                await client.server.settle(5)
                assert calls.count == number + 1
                call = await calls()
                assert call.scope["path"] == f"/{number}"
                assert await call.body() == (b"hello" if number in (1, 2) else b"")
                await call.respond(b"%d" % number)
                assert await answer.whole() == b"%d" % number

    @each(small=10, large=200_000)
    async def check_pipelined_answers_of_any_size(self, size: int) -> None:
        """Whatever is done to send them with few writes."""
        async with self.http1() as (calls, client):
            answers = [client.expect() for _ in range(3)]
            client.send_raw(request() * 3)
            for number, answer in enumerate(answers):
                await (await calls()).respond(b"%d" % number * size)
                assert await answer.whole() == b"%d" % number * size

    async def check_pipelined_requests_in_segments(self) -> None:
        """They may end anywhere."""
        async with self.http1() as (calls, client):
            answers = [client.expect() for _ in range(4)]
            await client.send_pieces(b"".join(request(target=b"/%d" % number) for number in range(4)), 7)
            for number, answer in enumerate(answers):
                call = await calls()
                assert call.scope["path"] == f"/{number}"
                await call.respond(b"%d" % number)
                assert await answer.whole() == b"%d" % number

    async def check_reading_pauses_while_requests_pile_up(self) -> None:
        """Their answers are what the client waits for; all of them come."""
        count, size = 4000, len(request(target=b"/0000"))
        async with self.http1() as (calls, client):
            answers = [client.expect() for _ in range(count)]
            for number in range(0, count, 100):
                client.send_raw(b"".join(request(target=b"/%04d" % (number + each)) for each in range(100)))
                await client.server.settle(1)
            assert client.transport.client_unsent >= (count * size) - 160_000
            for number, answer in enumerate(answers):
                call = await calls()
                assert call.scope["path"] == f"/{number:04d}"
                await call.respond()
                await answer.whole()

    async def check_many_requests_in_one_segment(self) -> None:
        """Neither deep recursion nor quadratic work."""
        count = 10_000
        async with self.http1() as (calls, client):
            for _ in range(count):
                client.expect()
            client.send_raw(BEHIND * count)
            for _ in range(count):
                await (await calls()).respond(b"x")
            assert client.received.count(b"HTTP/1.1 200") == count

    async def check_a_bad_request_waits_for_its_turn(self) -> None:
        """The answers to those before it come first."""
        async with self.http1() as (calls, client):
            good, bad = client.expect(), client.expect()
            client.send_raw(request() + b"BAD\r\n\r\n" + BEHIND)
            call = await calls()
            await client.server.settle()
            assert not client.received
            await call.respond(b"hello")
            assert await good.whole() == b"hello"
            assert await bad.head() == 400
            await client.until_closed()
            assert calls.count == 1

    # --- framing of responses -------------------------------------------------------------------------------------

    async def check_streams_are_chunked(self) -> None:
        """And the connection persists."""
        async with self.http1() as (calls, client):
            answer = client.ask_raw(request())
            call = await calls()
            await call.start()
            await call.write(b"hel", more_body=True)
            await call.write(b"lo")
            assert await answer.whole() == b"hello"
            assert answer.values(b"transfer-encoding") == [b"chunked"]
            answer = client.ask_raw(BEHIND)
            await (await calls()).respond(b"again")
            assert await answer.whole() == b"again"

    @each(plain=b"X: y", keep_alive=b"Connection: keep-alive")
    async def check_streams_to_http_1_0_end_with_the_connection(self, field: bytes) -> None:
        """It knows no chunks."""
        async with self.http1() as (calls, client):
            answer = client.ask_raw(request(field, version=b"1.0"))
            call = await calls()
            await call.start()
            await call.write(b"hel", more_body=True)
            await call.write(b"lo")
            assert await answer.whole() == b"hello"
            assert not answer.values(b"transfer-encoding")
            assert answer.values(b"connection") == [b"close"]

    async def check_a_cut_stream_to_http_1_0_is_a_reset(self) -> None:
        """An orderly end would be the end of the body."""
        async with self.http1() as (calls, client):
            answer = client.ask_raw(request(version=b"1.0"))
            call = await calls()
            await call.start()
            await call.write(b"hel", more_body=True)
            call.fail(RuntimeError())
            assert not await answer.ended()
            assert client.reset

    @each(s204=204, s304=304)
    async def check_statuses_without_a_body_have_no_framing(self, status: int) -> None:
        """Not even that of a body without an end; HTTP/1.0 connections persist as well."""
        async with self.http1() as (calls, client):
            for version in (b"1.1", b"1.0"):
                answer = client.ask_raw(request(b"Connection: keep-alive", version=version))
                call = await calls()
                await call.start(status)
                await call.write(b"hel", more_body=True)
                await call.write(b"lo")
                await answer.whole()
                assert not answer.values(b"transfer-encoding")
                assert not client.closed
                call.finish()
