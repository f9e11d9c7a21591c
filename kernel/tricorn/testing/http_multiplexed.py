"""Requests that share a connection at the same time: the part of `HttpSuite` for HTTP/2 and later."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from tricorn.testing.http_base import ServingSuite
from tricorn.testing.suite import needs

__all__ = ["MultiplexedChecks"]

_PIECE = b"0123456789abcdef" * 4096
"""64 KiB."""


class MultiplexedChecks(ServingSuite):
    """What happens to one request is no other's business."""

    multiplexed: ClassVar[bool]

    @needs("multiplexed")
    async def check_requests_do_not_wait_for_each_other(self) -> None:
        """Neither for calls that run nor for bodies that are missing."""
        async with self.serving() as (calls, client):
            client.ask(b"POST", b"/slow", body=b"x", end=False)
            answer = client.ask(target=b"/fast")
            slow, fast = await calls(), await calls()
            await fast.respond(b"done")
            assert await answer.whole() == b"done"
            assert not slow.done

    @needs("multiplexed")
    async def check_many_requests_at_once(self) -> None:
        """Each gets its own answer, in whatever order they are answered."""
        async with self.serving() as (calls, client):
            answers = [client.ask(b"POST", body=b"%d" % number) for number in range(50)]
            made = [await calls() for _ in answers]
            for call in reversed(made):
                body = await call.body()
                await call.respond(body * 1000)
            assert [await answer.whole() for answer in answers] == [b"%d" % number * 1000 for number in range(50)]

    @needs("multiplexed")
    async def check_responses_are_sent_side_by_side(self) -> None:
        """The events of several applications leave as they come."""
        async with self.serving() as (calls, client):
            answers = [client.ask() for _ in range(3)]
            made = [await calls() for _ in answers]
            for call in made:
                await call.start()
            for number in range(5):
                for call in made:
                    await call.write(b"%d" % number, more_body=True)
                await client.server.settle(3)
                assert [bytes(answer.body) for answer in answers] == [b"01234"[: number + 1]] * 3
            for call, answer in zip(made, answers, strict=True):
                await call.write(b"")
                assert await answer.whole() == b"01234"

    @needs("multiplexed")
    async def check_an_unread_body_stops_no_other(self) -> None:
        """Its own window closes; the connection's stays open."""
        async with self.serving() as (calls, client):
            unread = client.ask(b"POST", body=_PIECE * 16)
            first = await calls()
            await client.server.settle(20)
            assert client.unsent(unread) > 0
            answer = client.ask(b"POST", body=_PIECE * 32)
            call = await calls()
            assert await call.body() == _PIECE * 32
            await call.respond(b"done")
            assert await answer.whole() == b"done"
            assert await first.body() == _PIECE * 16

    @needs("multiplexed")
    async def check_a_client_may_give_up_one_request(self) -> None:
        """Its application hears it; the others do not."""
        async with self.serving() as (calls, client):
            given_up, kept = client.ask(), client.ask()
            first, second = await calls(), await calls()
            await first.body()
            await second.body()
            waiting = [asyncio.ensure_future(call.receive()) for call in (first, second)]
            client.leave(given_up)
            await client.server.settle(3)
            assert waiting[0].done()
            assert not waiting[1].done()
            await second.respond(b"kept")
            assert await kept.whole() == b"kept"

    @needs("multiplexed")
    async def check_an_application_that_fails_cuts_its_own_response(self) -> None:
        """The connection goes on."""
        async with self.serving() as (calls, client):
            cut, whole = client.ask(), client.ask()
            first, second = await calls(), await calls()
            for call in (first, second):
                await call.start()
                await call.write(b"begun", more_body=True)
            first.fail(RuntimeError())
            assert not await cut.ended()
            await second.write(b" and ended")
            assert await whole.whole() == b"begun and ended"
            assert not client.closed

    @needs("multiplexed")
    async def check_early_hints_go_ahead(self) -> None:
        """ASGI extension `http.response.early_hint`, announced in the scope."""
        async with self.serving() as (calls, client):
            answer = client.ask()
            call = await calls()
            assert "http.response.early_hint" in call.scope["extensions"]
            await call.send({"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload"]})
            await answer.until(lambda: bool(answer.interim))
            assert answer.interim == [(103, [(b"link", b"</style.css>; rel=preload")])]
            await call.respond(b"done")
            assert await answer.whole() == b"done"
            assert answer.status == 200

    @needs("multiplexed")
    async def check_trailers_follow_the_body(self) -> None:
        """ASGI extension `http.response.trailers`, announced in the scope; for clients that ask for them."""
        async with self.serving() as (calls, client):
            for fields, expected in (([(b"te", b"trailers")], [(b"x-checksum", b"1")]), ([], [])):
                answer = client.ask(fields=fields)
                call = await calls()
                assert "http.response.trailers" in call.scope["extensions"]
                await call.send({"type": "http.response.start", "status": 200, "headers": [], "trailers": True})
                await call.write(b"hello")
                await call.send({"type": "http.response.trailers", "headers": [(b"X-Checksum", b"1")]})
                assert await answer.whole() == b"hello"
                assert answer.trailers == expected
                call.finish()
