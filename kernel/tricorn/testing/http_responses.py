"""What an application sends and what the client gets: the part of `HttpSuite` about responses."""

from __future__ import annotations

from typing import Any, ClassVar

from tricorn.api import Message
from tricorn.testing.http_base import ServingSuite
from tricorn.testing.suite import each

__all__ = ["ResponseChecks"]


def _body(body: Any, more_body: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more_body}


class ResponseChecks(ServingSuite):
    """Heads, and framing as the application sees it."""

    multiplexed: ClassVar[bool]

    # --- what is added and what is kept ---------------------------------------------------------------------------

    async def check_a_response_with_one_body_event(self) -> None:
        """It gets the length, the date and the server's name."""
        async with self.serving() as (calls, client):
            answer = client.ask()
            await (await calls()).respond(b"hello", 201, [(b"Content-Type", b"text/plain"), (b"X", b"1"), (b"x", b"2")])
            assert await answer.whole() == b"hello"
            assert answer.status == 201
            assert answer.values(b"content-length") == [b"5"]
            assert answer.values(b"content-type") == [b"text/plain"]
            assert answer.values(b"x") == [b"1", b"2"]
            assert answer.values(b"server") == [b"tricorn"]
            assert len(answer.values(b"date")) == 1

    async def check_an_empty_response_has_the_length_zero(self) -> None:
        """So that the connection can persist."""
        async with self.serving() as (calls, client):
            answer = client.ask()
            await (await calls()).respond()
            assert await answer.whole() == b""
            assert answer.values(b"content-length") == [b"0"]

    async def check_the_applications_own_fields_stand(self) -> None:
        """No second Date or Server beside them."""
        async with self.serving() as (calls, client):
            for fields in ([(b"Date", b"today")], [(b"server", b"mine")], [(b"date", b"today"), (b"Server", b"mine")]):
                answer = client.ask()
                await (await calls()).respond(b"hello", headers=fields)
                await answer.whole()
                for name, value in fields:
                    assert answer.values(name.lower()) == [value]
                assert len(answer.values(b"date")) == len(answer.values(b"server")) == 1

    async def check_options_leave_fields_out_or_add_some(self) -> None:
        """`date_header`, `server_header` and `headers`."""
        options = {"date_header": False, "server_header": False, "headers": [("X-Frame-Options", "DENY")]}
        async with self.serving(**options) as (calls, client):
            answer = client.ask()
            await (await calls()).respond()
            await answer.whole()
            assert not answer.values(b"date")
            assert not answer.values(b"server")
            assert answer.values(b"x-frame-options") == [b"DENY"]

    async def check_obs_text_passes(self) -> None:
        """And white space inside of values."""
        async with self.serving() as (calls, client):
            answer = client.ask()
            await (await calls()).respond(headers=[(b"x", b"\xe9\xff a\tb"), (b"y", b"")])
            await answer.whole()
            assert answer.values(b"x") == [b"\xe9\xff a\tb"]
            assert answer.values(b"y") == [b""]

    async def check_fields_of_the_connection_are_not_the_applications(self) -> None:
        """RFC 9110 section 7.6.1; the response arrives whole all the same."""
        fields = [
            (b"Transfer-Encoding", b"chunked"),
            (b"Connection", b"x, keep-alive"),
            (b"Keep-Alive", b"timeout=100"),
            (b"Upgrade", b"h2c"),
        ]
        async with self.serving() as (calls, client):
            answer = client.ask()
            call = await calls()
            await call.start(headers=fields)
            await call.write(b"hel", more_body=True)
            await call.write(b"lo")
            assert await answer.whole() == b"hello"
            assert not answer.values(b"keep-alive")
            assert not answer.values(b"upgrade")

    @each(bytearray=bytearray(b"hello"), memoryview=memoryview(b"hello"))
    async def check_other_buffers_are_bodies(self, body: Any) -> None:
        """What applications have at hand."""
        async with self.serving() as (calls, client):
            answer = client.ask()
            call = await calls()
            await call.start(headers=[(bytearray(b"x"), memoryview(b"y"))])  # type: ignore[list-item]
            await call.send(_body(body))
            assert await answer.whole() == b"hello"
            assert answer.values(b"x") == [b"y"]

    # --- streaming ------------------------------------------------------------------------------------------------

    @each(known=5, unknown=None)
    async def check_each_body_event_goes_out_at_once(self, length: int | None) -> None:
        """Server-sent events depend on it."""
        async with self.serving() as (calls, client):
            answer = client.ask()
            call = await calls()
            await call.start(headers=[] if length is None else [(b"content-length", b"5")])
            await call.write(b"hel", more_body=True)
            await answer.until(lambda: answer.body == b"hel")
            await call.write(b"", more_body=True)
            await call.write(b"l", more_body=True)
            await answer.until(lambda: answer.body == b"hell")
            assert not answer.complete
            await call.write(b"o")
            assert await answer.whole() == b"hello"

    async def check_a_head_does_not_wait_for_the_body(self) -> None:
        """The application waits for something else meanwhile."""
        async with self.serving() as (calls, client):
            answer = client.ask()
            call = await calls()
            await call.start(202)
            assert await answer.head() == 202
            await call.write(b"done")
            assert await answer.whole() == b"done"

    async def check_the_last_event_may_be_empty(self) -> None:
        """With and without a length."""
        async with self.serving() as (calls, client):
            for fields in ([], [(b"content-length", b"5")]):
                answer = client.ask()
                call = await calls()
                await call.start(headers=fields)
                await call.write(b"hello", more_body=True)
                await call.send({"type": "http.response.body"})
                assert await answer.whole() == b"hello"
                call.finish()

    async def check_large_bodies_arrive_whole(self) -> None:
        """One event of 1 MiB, and many small ones."""
        async with self.serving() as (calls, client):
            answer = client.ask()
            await (await calls()).respond(b"x" * (1 << 20))
            assert await answer.whole() == b"x" * (1 << 20)
            answer = client.ask()
            call = await calls()
            await call.start()
            for number in range(500):
                await call.write(b"%d," % number, more_body=True)
            await call.write(b"")
            assert await answer.whole() == b"".join(b"%d," % number for number in range(500))

    # --- responses without a body ---------------------------------------------------------------------------------

    async def check_head_gets_the_fields_and_no_body(self) -> None:
        """Those of a GET, as far as they are known without the body."""
        async with self.serving() as (calls, client):
            answer = client.ask(b"HEAD")
            await (await calls()).respond(b"hello")
            assert await answer.whole() == b""
            assert answer.values(b"content-length") == [b"5"]
            answer = client.ask(b"HEAD")
            await (await calls()).respond(b"", headers=[(b"content-length", b"1000")])
            assert await answer.whole() == b""
            assert answer.values(b"content-length") == [b"1000"]
            answer = client.ask(b"HEAD")
            call = await calls()
            await call.start()
            await call.write(b"hel", more_body=True)
            await call.write(b"lo")
            assert await answer.whole() == b""

    @each(s204=204, s304=304, s205=205)
    async def check_statuses_without_a_body(self, status: int) -> None:
        """What an application sends with them all the same is dropped, in whatever events."""
        async with self.serving() as (calls, client):
            for fields in ([], [(b"content-length", b"5")]):
                answer = client.ask()
                await (await calls()).respond(b"hello", status, fields)
                assert await answer.whole() == b""
                assert answer.status == status
                if status == 204:
                    assert not answer.values(b"content-length")
                if status == 205:
                    assert answer.values(b"content-length") in ([b"0"], [])
                answer = client.ask()
                call = await calls()
                await call.start(status, fields)
                await call.write(b"hel", more_body=True)
                await call.write(b"lo")
                assert await answer.whole() == b""
                call.finish()

    # --- the access log -------------------------------------------------------------------------------------------

    async def check_every_response_is_logged_once(self) -> None:
        """With the path as it was asked for, quoted again."""
        async with self.serving() as (calls, client):
            for target, status in ((b"/a%20b?c=d", 200), (b"/%22%0A", 404), (b"/error", 500)):
                answer = client.ask(target=target)
                call = await calls()
                if status == 500:
                    call.fail(ValueError())
                else:
                    await call.respond(b"x", status)
                await answer.whole()
            name = "192.0.2.1:50000"
            assert client.server.access == [
                (name, "GET", "/a%20b?c=d", client.version, 200),
                (name, "GET", "/%22%0A", client.version, 404),
                (name, "GET", "/error", client.version, 500),
            ]
