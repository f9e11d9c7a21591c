"""The conformance suite of HTTP providers: what a request and its response mean, whatever carries them."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from tricorn.testing.http_flow import FlowChecks
from tricorn.testing.http_mistakes import MistakeChecks
from tricorn.testing.http_multiplexed import MultiplexedChecks
from tricorn.testing.http_responses import ResponseChecks
from tricorn.testing.suite import each

__all__ = ["HttpSuite"]


class HttpSuite(ResponseChecks, MistakeChecks, FlowChecks, MultiplexedChecks):
    """The base of the suites of each version: a subclass sets `client` and adds what is particular to its version.

    multiplexed: requests share a connection without waiting for each other.
    """

    multiplexed: ClassVar[bool] = False

    # --- the scope ------------------------------------------------------------------------------------------------

    async def check_scope_of_a_request(self) -> None:
        """ASGI HTTP specification 2.3."""
        async with self.serving() as (calls, client):
            client.ask(b"PATCH", b"/a%20b?c=%20d", [(b"x", b"1"), (b"y", b"2"), (b"x", b"3")])
            scope = (await calls()).scope
            assert scope["type"] == "http"
            assert scope["asgi"]["version"] == "3.0"
            assert scope["asgi"]["spec_version"] >= "2.3"
            assert scope["http_version"] == client.version
            assert scope["method"] == "PATCH"
            assert scope["scheme"] == "http"
            assert scope["path"] == "/a b"
            assert scope["raw_path"] == b"/a%20b"
            assert scope["query_string"] == b"c=%20d"
            assert scope["root_path"] == ""
            assert scope["client"] == ("192.0.2.1", 50000)
            assert scope["server"] == ("192.0.2.2", 8000)
            fields = [(name, value) for name, value in scope["headers"] if name != b"host"]
            assert fields == [(b"x", b"1"), (b"y", b"2"), (b"x", b"3")]
            assert [value for name, value in scope["headers"] if name == b"host"] == [b"test"]

    async def check_encrypted_requests_have_the_scheme_https(self) -> None:
        """The transport knows."""
        async with self.serving() as (calls, client):
            type(client)(client.server, secure=True).ask()
            assert (await calls()).scope["scheme"] == "https"

    async def check_a_unix_socket_has_no_addresses(self) -> None:
        """The server's is the path of its socket, the client has none."""
        async with self.serving() as (calls, client):
            type(client)(client.server, client="", server="/run/test.sock").ask()
            scope = (await calls()).scope
            assert scope["client"] is None
            assert scope["server"] == ("/run/test.sock", None)

    async def check_the_root_path_precedes_the_path(self) -> None:
        """As uvicorn's users expect it."""
        async with self.serving(root_path="/app") as (calls, client):
            client.ask(target=b"/a")
            scope = (await calls()).scope
            assert (scope["root_path"], scope["path"], scope["raw_path"]) == ("/app", "/app/a", b"/app/a")

    async def check_state_is_copied_into_every_scope(self) -> None:
        """ASGI lifespan specification: a shallow copy for each request."""
        async with self.serving() as (calls, client):
            client.server.kernel.state["shared"] = shared = [1]
            client.ask()
            call = await calls()
            assert call.scope["state"]["shared"] is shared
            call.scope["state"]["mine"] = True
            await call.respond()
            client.ask()
            assert "mine" not in (await calls()).scope["state"]

    @each(get=b"GET", post=b"POST", put=b"PUT", delete=b"DELETE", options=b"OPTIONS", trace=b"TRACE", own=b"BREW")
    async def check_methods_reach_the_application(self, method: bytes) -> None:
        """Any token, in its own case."""
        async with self.serving() as (calls, client):
            answer = client.ask(method)
            call = await calls()
            assert call.scope["method"] == method.decode()
            await call.respond(b"done")
            assert await answer.whole() == b"done"

    # --- the request's body ---------------------------------------------------------------------------------------

    async def check_no_body_is_one_empty_event(self) -> None:
        """At once."""
        async with self.serving() as (calls, client):
            client.ask()
            call = await calls()
            assert await call.receive() == {"type": "http.request", "body": b"", "more_body": False}

    async def check_a_body_of_known_length(self) -> None:
        """The last event says that it is the last."""
        async with self.serving() as (calls, client):
            client.ask(b"POST", body=b"hello")
            assert await (await calls()).body() == b"hello"

    @each(length=10, unknown=None)
    async def check_a_body_in_pieces(self, length: int | None) -> None:
        """Each event brings what has arrived, and nothing waits for the end."""
        async with self.serving() as (calls, client):
            answer = client.ask(b"POST", body=b"hello", end=False, length=length)
            call = await calls()
            assert await call.receive() == {"type": "http.request", "body": b"hello", "more_body": True}
            client.send(answer, b"wor")
            assert await call.receive() == {"type": "http.request", "body": b"wor", "more_body": True}
            client.send(answer, b"ld", end=True)
            assert await call.body() == b"ld"

    async def check_the_application_may_answer_before_it_reads(self) -> None:
        """And read then."""
        async with self.serving() as (calls, client):
            answer = client.ask(b"POST", body=b"hello", end=False, length=10)
            call = await calls()
            await call.start()
            await call.write(b"head", more_body=True)
            await answer.until(lambda: answer.body == b"head")
            client.send(answer, b"world", end=True)
            assert await call.body() == b"helloworld"
            await call.write(b" and end")
            assert await answer.whole() == b"head and end"

    async def check_calls_of_several_connections_run_at_the_same_time(self) -> None:
        """Each connection has its own."""
        async with self.serving() as (calls, client):
            others = [type(client)(client.server) for _ in range(3)]
            answers = [other.ask(target=b"/%d" % number) for number, other in enumerate(others)]
            made = {call.scope["path"]: call for call in [await calls() for _ in others]}
            for number in (2, 0, 1):
                await made[f"/{number}"].respond(b"%d" % number)
            assert [await answer.whole() for answer in answers] == [b"0", b"1", b"2"]

    # --- limits and shutdown --------------------------------------------------------------------------------------

    async def check_too_many_calls_are_answered_503(self) -> None:
        """With the time after which it may be tried again."""
        async with self.serving(limit_concurrency=3) as (calls, client):
            answers = [type(client)(client.server).ask() for _ in range(3)]
            status = await answers[-1].head()
            assert status == 503
            assert answers[-1].values(b"retry-after")
            assert calls.count <= 2

    async def check_an_announced_body_over_the_limit_is_answered_413(self) -> None:
        """Before the application is called; what just fits is served."""
        async with self.serving(limit_request_body=10) as (calls, client):
            answer = client.ask(b"POST", body=b"0123456789")
            assert await (await calls()).body() == b"0123456789"
            await calls.made[0].respond(b"done")
            assert await answer.whole() == b"done"
            answer = client.ask(b"POST", body=b"0123456789a", length=11)
            assert await answer.head() == 413
            assert calls.count == 1

    async def check_a_body_found_to_be_over_the_limit_ends(self) -> None:
        """The application hears that the client has gone, and the client why."""
        async with self.serving(limit_request_body=10) as (calls, client):
            answer = client.ask(b"POST", body=b"01234", end=False)
            call = await calls()
            assert (await call.receive())["body"] == b"01234"
            client.send(answer, b"56789a")
            assert await call.receive() == {"type": "http.disconnect"}
            assert await answer.head() == 413
            await call.respond(b"too late")
            await answer.whole()

    async def check_a_body_found_to_be_over_the_limit_cuts_an_answer(self) -> None:
        """That has begun."""
        async with self.serving(limit_request_body=10) as (calls, client):
            answer = client.ask(b"POST", body=b"01234", end=False)
            call = await calls()
            await call.start()
            await call.write(b"begun", more_body=True)
            await answer.until(lambda: answer.body == b"begun")
            client.send(answer, b"56789a")
            assert not await answer.ended()

    async def check_draining_finishes_what_was_begun(self) -> None:
        """And then closes, the idle connections meanwhile."""
        async with self.serving() as (calls, client):
            idle = type(client)(client.server)
            served = idle.ask()
            await (await calls()).respond()
            await served.whole()
            answer = client.ask(b"POST", body=b"hello", end=False, length=10)
            call = await calls()
            kernel = client.server.kernel
            kernel.drain()
            await client.server.advance(2)
            assert idle.closed
            assert not client.closed
            client.send(answer, b"world", end=True)
            assert await call.body() == b"helloworld"
            await call.respond(b"done")
            assert await answer.whole() == b"done"
            await client.server.settle()
            assert client.closed

    async def check_cancelled_calls_are_answered(self) -> None:
        """When the time of a shutdown is over."""
        async with self.serving() as (calls, client):
            answer = client.ask()
            await calls()
            client.server.kernel.cancel("over")
            assert await answer.head() == 500
            await asyncio.wait_for(answer.whole(), 10)
