"""What an application sends and what the client gets: the part of `HttpSuite` about responses."""

from __future__ import annotations

from typing import Any, ClassVar

from tricorn.api import Message
from tricorn.testing.calls import Call
from tricorn.testing.http_base import ServingSuite
from tricorn.testing.suite import each

__all__ = ["ResponseChecks"]

_START: Message = {"type": "http.response.start", "status": 200, "headers": []}

_FIVE: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]}
_SECRET: Message = {"type": "secret"}
"""What `send` takes at no time: the error that it raises names it."""


def _body(body: Any, more_body: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more_body}


async def _raised(call: Call, event: Message, expected: type[Exception] | tuple[type[Exception], ...]) -> Exception:
    """The error that an event meets. Raises AssertionError when it is taken."""
    try:
        await call.send(event)
    except expected as error:
        return error
    raise AssertionError(f"{event!r} was taken")


class ResponseChecks(ServingSuite):
    """Heads, framing as the application sees it, and applications that err."""

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

    # --- applications that err ------------------------------------------------------------------------------------

    @each(
        cr_in_value=(200, [(b"x", b"a\rb")]),
        lf_in_value=(200, [(b"x", b"a\nb")]),
        crlf_in_value=(200, [(b"x", b"a\r\nset-cookie: stolen")]),
        nul_in_value=(200, [(b"x", b"a\0b")]),
        control_in_value=(200, [(b"x", b"\x1b[31m")]),
        delete_in_value=(200, [(b"x", b"\x7f")]),
        name_empty=(200, [(b"", b"x")]),
        name_with_space=(200, [(b"x y", b"z")]),
        name_with_colon=(200, [(b"x:", b"z")]),
        name_with_crlf=(200, [(b"x\r\ny", b"z")]),
        name_outside_ascii=(200, [(b"\xe9", b"z")]),
        name_is_str=(200, [("x", b"y")]),
        value_is_str=(200, [(b"x", "y")]),
        value_is_int=(200, [(b"x", 1)]),
        length_is_str=(200, [(b"content-length", "1")]),
        length_no_number=(200, [(b"content-length", b"five")]),
        length_negative=(200, [(b"content-length", b"-1")]),
        length_with_plus=(200, [(b"content-length", b"+1")]),
        length_with_space=(200, [(b"content-length", b" 1")]),
        length_with_underscore=(200, [(b"content-length", b"1_0")]),
        length_empty=(200, [(b"content-length", b"")]),
        length_too_big=(200, [(b"content-length", b"9" * 30)]),
        length_doubled=(200, [(b"content-length", b"5"), (b"Content-Length", b"5")]),
        pseudo_field=(200, [(b":status", b"200")]),
        status_0=(0, []),
        status_99=(99, []),
        status_100=(100, []),
        status_101=(101, []),
        status_199=(199, []),
        status_600=(600, []),
        status_1000=(1000, []),
        status_word=("OK", []),
    )
    async def check_bad_heads_never_reach_the_wire(self, case: tuple[Any, list[Any]]) -> None:
        """The application gets an exception; where it does not handle it, the client gets a plain 500."""
        status, fields = case
        async with self.serving() as (calls, client):
            answer = client.ask()
            call = await calls()
            event = {"type": "http.response.start", "status": status, "headers": fields}
            error = await _raised(call, event, (ValueError, TypeError))
            assert answer.status is None
            call.fail(error)
            assert await answer.head() == 500
            assert await answer.whole() == b"Internal Server Error"
            assert b"stolen" not in b"".join(value for _, value in answer.fields)

    async def check_an_application_may_recover_from_a_bad_head(self) -> None:
        """Nothing has been sent: it may answer otherwise."""
        async with self.serving() as (calls, client):
            answer = client.ask()
            call = await calls()
            await _raised(call, {**_START, "headers": [(b"x", b"\n")]}, ValueError)
            await call.respond(b"recovered", 503)
            assert await answer.whole() == b"recovered"
            assert answer.status == 503

    @each(
        body_first=([], _body(b"x")),
        unknown_first=([], {"type": "http.response.nothing"}),
        websocket_event=([], {"type": "websocket.accept"}),
        start_twice=([_START], _START),
        start_inside_of_body=([_START, _body(b"x", True)], _START),
        body_is_str=([_START], _body("text")),
        body_is_none=([_START], _body(None)),
        body_is_int=([_START], _body(5)),
        body_is_str_later=([_START, _body(b"x", True)], _body("text")),
        more_than_the_length=([_FIVE], _body(b"hello!")),
        more_than_the_length_in_two_events=([_FIVE, _body(b"hel", True)], _body(b"lo!")),
        less_than_the_length=([_FIVE], _body(b"hell")),
        less_than_the_length_in_two_events=([_FIVE, _body(b"hel", True)], _body(b"l")),
        nothing_of_the_length=([_FIVE], _body(b"")),
    )
    async def check_bad_events_raise(self, case: tuple[list[Message], Message]) -> None:
        """And then the application fails: 500 where nothing has been sent, a cut answer otherwise. Never more bytes
        than the length, which would be read as the next response, nor an end before it."""
        before, event = case
        async with self.serving() as (calls, client):
            answer = client.ask()
            (await calls()).script(*before, event)
            await self._failed(answer, before)
            errors = [record.exc_info for record in client.server.log]
            assert len(errors) == 1
            assert errors[0] is not None
            assert isinstance(errors[0][1], (RuntimeError, ValueError, TypeError))

    @each(body=_body(b"more"), start=_START)
    async def check_events_after_the_end_raise(self, event: Message) -> None:
        """The answer stays as it was."""
        async with self.serving() as (calls, client):
            answer = client.ask()
            call = await calls()
            await call.start()
            await call.write(b"hello")
            call.fail(await _raised(call, event, RuntimeError))
            assert await answer.whole() == b"hello"
            answer = client.ask()
            await (await calls()).respond(b"next")
            assert await answer.whole() == b"next"

    async def check_more_than_the_length_after_the_whole(self) -> None:
        """The client has what it was promised, and gets nothing more on this connection."""
        async with self.serving() as (calls, client):
            answer = client.ask()
            (await calls()).script(_FIVE, _body(b"hello", True), _body(b"!", True))
            await answer.ended()
            assert answer.body == b"hello"
            await client.server.settle()
            assert len(client.server.log) == 1
            assert client.closed or self.multiplexed

    @each(before_start=[], before_body=[_START], inside_of_body=[_START, _body(b"begun", True)])
    async def check_an_application_that_raises(self, before: list[Message]) -> None:
        """500 while that is possible, a visible cut otherwise; nothing of the error is told to the client."""
        async with self.serving() as (calls, client):
            answer = client.ask()
            call = await calls()
            call.script(*before, _SECRET)
            await self._failed(answer, before)
            assert b"secret" not in answer.body
            errors = [record.exc_info for record in client.server.log]
            assert len(errors) == 1
            assert errors[0] is not None
            assert "secret" in str(errors[0][1])

    @each(before_start=[], before_body=[_START], inside_of_body=[_START, _body(b"begun", True)])
    async def check_an_application_that_returns_early(self, before: list[Message]) -> None:
        """The same, and a line in the log."""
        async with self.serving() as (calls, client):
            answer = client.ask()
            (await calls()).script(*before)
            await self._failed(answer, before)
            await client.server.settle()
            assert len(client.server.log) == 1

    @staticmethod
    async def _failed(answer: Any, before: list[Message]) -> None:
        if len(before) < 2:
            assert await answer.whole() == b"Internal Server Error"
            assert answer.status == 500
        else:
            assert not await answer.ended()
            assert answer.status == 200
            assert len(answer.body) <= 5

    async def check_a_cut_is_visible_whatever_the_framing(self) -> None:
        """Also where the application has announced a length."""
        async with self.serving() as (calls, client):
            answer = client.ask()
            call = await calls()
            await call.start(headers=[(b"content-length", b"10")])
            await call.write(b"hello", more_body=True)
            call.fail(RuntimeError())
            assert not await answer.ended()

    async def check_sys_exit_ends_one_request_only(self) -> None:
        """An application's mistake is not the server's end."""
        async with self.serving() as (calls, client):
            answer = client.ask()
            (await calls()).fail(SystemExit(1))
            assert await answer.head() == 500
            answer = type(client)(client.server).ask()
            await (await calls()).respond(b"alive")
            assert await answer.whole() == b"alive"

    async def check_a_result_is_logged(self) -> None:
        """An application returns None."""
        async with self.serving() as (calls, client):
            answer = client.ask()
            call = await calls()
            await call.start()
            await call.write(b"hello")
            call.finish("result")
            assert await answer.whole() == b"hello"
            await client.server.settle()
            assert "should return None" in client.server.log[0].getMessage()

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
