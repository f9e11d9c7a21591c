"""Applications that err: nothing of a mistake reaches the wire. The part of `HttpSuite` about that."""

from __future__ import annotations

from typing import Any, ClassVar

from tricorn.api import Message
from tricorn.testing.calls import Call
from tricorn.testing.http_base import ServingSuite
from tricorn.testing.suite import each

__all__ = ["MistakeChecks"]

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


class MistakeChecks(ServingSuite):
    """A 500 where nothing has been sent, a visible cut otherwise, and a line in the log."""

    multiplexed: ClassVar[bool]

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
