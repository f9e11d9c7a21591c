"""One HTTP/1 connection, a client and its applications, in any order of what they may do.

Whatever the order: every answer is that of its own request, complete or visibly cut; every application gets its own
body, and hears that it is complete only if it is; as long as nothing has ended the connection all that is asked gets
answered, and in the end nothing is left. `TRICORN_EXAMPLES=20000` runs for long.
"""

from __future__ import annotations

import asyncio
import os
import re
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tricorn.draining import Streams
from tricorn.http1_stream import DRAIN_LIMIT
from tricorn.testing.calls import Call, Calls
from tricorn.testing.client import Answer
from tricorn.testing.http1_base import request
from tricorn.testing.http1_client import Http1Client
from tricorn.testing.memory_server import MemoryServer, memory_server, run_in_memory
from tricorn.testing.strict import STRICT

DEFAULT = 300
EXAMPLES = int(os.environ.get("TRICORN_EXAMPLES", DEFAULT))

USUAL = ("get", "get", "post", "body", "body", "end", "settle", "settle")
ANSWERS = ("receive", "answer", "answer", "start", "length_start", "write", "write", "last", "last")
CLIENT = ("get", "post", "length", "body", "end", "last_get", "half_close", "reset", "pause", "resume", "take")
APPLICATION = ("receive", "answer", "start", "length_start", "write", "large", "last", "fail", "finish", "cancel")
OTHERS = ("settle", "advance", "drain")
ONCE = ("last_get", "half_close", "reset", "fail", "finish", "cancel", "drain", "advance")
"""What ends something: done at one number in four, so that there is something to end."""

names = st.one_of(st.sampled_from(USUAL), st.sampled_from(ANSWERS), st.sampled_from(CLIENT + APPLICATION + OTHERS))
steps = st.lists(st.tuples(names, st.integers(0, 3)), min_size=40, max_size=80)

SIZE = 10
"""Bytes of the bodies with a length, in both directions."""
PATTERN = bytes(range(251)) * 1000
"""What is in a request's body, of which the application can tell whether a part is missing or out of order."""


class Asked:
    """One request, as far as it has been sent, heard and answered.

    left: bytes of a response of known length that the application owes; None where it has said no length.
    """

    def __init__(self, answer: Answer, complete: bool) -> None:
        self.answer = answer
        self.complete = complete
        self.size = 0
        self.heard = 0
        self.told = False  # that the body is complete
        self.gone = False  # and that the client is
        self.started = False
        self.left: int | None = None
        self.answered = False


class Play:
    """What has happened so far, and what may happen next."""

    def __init__(self, server: MemoryServer, calls: Calls) -> None:
        self.server = server
        self.calls = calls
        self.client = Http1Client(server)
        self.open: Answer | None = None  # the request whose body is being sent
        self.left = 0  # bytes of it, where they were announced
        self.over = False  # the client sends nothing more
        self.rest = b""  # of a segment that was sent in part
        self.asked: list[Asked] = []
        self.reasons: set[str] = set()  # for which a connection may end
        self.sending: dict[int, asyncio.Task[None]] = {}
        self.receiving: list[asyncio.Task[Any]] = []

    async def step(self, name: str, number: int) -> None:
        """Do one thing, if it can be done now."""
        if name in ONCE and number:
            return
        if name in ("advance", "drain"):
            self.reasons.add(name)
        if name in CLIENT:
            getattr(self, name)(number)
        elif name in OTHERS:
            await self.wait(name, number)
        else:
            self.act(name, number)

    # --- the client -----------------------------------------------------------------------------------------------

    def _ask(self, *fields: bytes, method: bytes = b"GET", chunked: bool = False) -> Answer | None:
        if self.over or self.open is not None:
            return None
        head = request(*fields, method=method, target=b"/%d" % len(self.asked))
        # It may be served before `ask_raw` returns.
        self.asked.append(Asked(self.client.expect(method, chunked), method == b"GET"))
        self.client.send_raw(head)
        return self.asked[-1].answer

    def _send_body(self, size: int, end: bool = False) -> None:
        assert self.open is not None
        asked = self.asked[-1]
        data = PATTERN[asked.size % 251 :][:size]
        asked.size += size
        asked.complete = end
        self._weigh(asked)
        if asked.answer.request[1]:
            data = (b"%x\r\n%b\r\n" % (size, data)) + (b"0\r\n\r\n" if end else b"")
        middle = len(data) if end or size < 3 else len(data) // 2
        self.client.send_raw(self.rest + data[:middle])
        self.rest = data[middle:]

    def _weigh(self, asked: Asked) -> None:
        """A large body that nobody has read before its answer may end the connection."""
        if asked.answered and asked.size > DRAIN_LIMIT - SIZE:
            self.reasons.add("unread")

    def get(self, number: int) -> None:
        self._ask()

    def last_get(self, number: int) -> None:
        if self._ask(b"Connection: close"):
            self.over = True
            self.reasons.add("last_get")

    def post(self, number: int) -> None:
        self.open = self._ask(b"Transfer-Encoding: chunked", method=b"POST", chunked=True) or self.open

    def length(self, number: int) -> None:
        if asked := self._ask(b"Content-Length: %d" % SIZE, method=b"POST"):
            self.open, self.left = asked, SIZE

    def body(self, number: int) -> None:
        if self.open is not None and not self.over:
            if self.open.request[1]:
                self._send_body(1 + number * 40_000)
            elif self.left > 1:
                self.left -= 1
                self._send_body(1)

    def end(self, number: int) -> None:
        if self.open is not None and not self.over:
            self._send_body(1 if self.open.request[1] else self.left, end=True)
            self.open = None

    def half_close(self, number: int) -> None:
        if not self.over:
            self.over = True
            self.reasons.add("half_close")
            self.client.half_close()

    def reset(self, number: int) -> None:
        if not self.over:
            self.over = True
            self.reasons.add("reset")
            self.client.transport.client_reset()

    def pause(self, number: int) -> None:
        self.client.pause()

    def resume(self, number: int) -> None:
        self.client.resume()

    def take(self, number: int) -> None:
        self.client.transport.client_take(1 + number * 30_000)

    # --- the applications -----------------------------------------------------------------------------------------

    def asked_by(self, call: Call) -> Asked:
        """The request that an application was called for."""
        return self.asked[int(call.scope["path"][1:])]

    def act(self, name: str, number: int) -> None:
        alive = [call for call in self.calls.made if not call.ended]
        if not alive:
            return
        call = alive[min(number, len(alive) - 1)]
        if name == "receive":
            self.receiving.append(asyncio.ensure_future(self._receive(call)))
        elif name in ("fail", "finish", "cancel"):
            asked = self.asked_by(call)
            asked.gone = True
            if not asked.answered:
                self.reasons.add(name)
            self._end(call, name)
        elif (before := self.sending.get(id(call))) is None or (before.done() and before.result() is None):
            self.sending[id(call)] = asyncio.ensure_future(self._send(call, name, number))

    def _end(self, call: Call, name: str) -> None:
        if name == "fail":
            call.fail(RuntimeError("as it was told"))
        elif name == "finish":
            call.finish()
        else:
            for running in self.server.kernel.calls:
                if running.scope is call.scope and running.task is not None:
                    running.task.cancel()

    async def _receive(self, call: Call) -> None:
        asked = self.asked_by(call)
        event = await call.receive()
        if event["type"] == "http.request":
            assert not asked.told, "a body goes on behind its end"
            body = event["body"]
            assert body == PATTERN[asked.heard % 251 :][: len(body)], "a body is not what was sent"
            asked.heard += len(body)
            assert asked.heard <= asked.size
            if not event["more_body"]:
                asked.told = True
                assert asked.complete, "a part is passed for the whole"
                assert asked.heard == asked.size
        else:
            assert event["type"] == "http.disconnect"
            assert asked.answered or asked.gone or self.reasons or self.client.closed, "nobody has left"
            asked.gone = True

    async def _send(self, call: Call, name: str, number: int) -> None:
        asked = self.asked_by(call)
        mark = call.scope["path"][1:].encode() + b";"
        length = len(mark) * SIZE
        try:
            if name == "answer":
                await self._answer(call, asked, mark, 40_000 if number > 1 else SIZE)
            elif name == "start":
                await call.start()
                asked.started = True
            elif name == "length_start":
                await call.start(headers=[(b"content-length", b"%d" % length)])
                asked.started, asked.left = True, length
            else:
                large = name == "large" or (name == "last" and asked.left is None and number > 1)
                await self._write(call, asked, mark * (40_000 if large else SIZE), name == "last")
        except RuntimeError:
            pass  # out of order, or not what the length said

    async def _answer(self, call: Call, asked: Asked, mark: bytes, count: int = SIZE) -> None:
        if not asked.started:
            await call.start()
            asked.started = True
        await self._write(call, asked, mark * (count if asked.left is None else asked.left // len(mark)), True)
        if not call.ended:
            call.finish()

    async def _write(self, call: Call, asked: Asked, data: bytes, last: bool) -> None:
        # What waits for room has been taken all the same.
        done = last and asked.started and asked.left in (None, len(data))
        asked.answered = asked.answered or done
        self._weigh(asked)
        before = asked.left
        if asked.left is not None and asked.left >= len(data) and (done or not last):
            asked.left -= len(data)
        try:
            await call.write(data, more_body=not last)
        except RuntimeError:
            asked.left = before
            raise

    async def wait(self, name: str, number: int) -> None:
        if name == "advance":
            await self.server.advance(8)
        elif name == "settle":
            await self.server.settle(number + 1)
        else:
            self.server.kernel.drain()
            Streams(self.server.kernel, 0).tell(0)

    # --- what must be true ----------------------------------------------------------------------------------------

    def check(self) -> None:
        assert self.client.transport.most < 1 << 19, "send() waits for nobody"
        for number, answer in enumerate(self.client.answers):
            if answer.status == 200:
                assert re.fullmatch(b"(?:%d;)*" % number, bytes(answer.body)) or not answer.complete
                assert bytes(answer.body).startswith(b"%d;" % number) or len(answer.body) < 3
                if answer.complete and answer.values(b"content-length"):
                    assert answer.values(b"content-length") == [b"%d" % len(answer.body)]
                elif answer.complete:
                    assert self.asked[number].answered, "an answer looks whole that is not"
            else:
                assert answer.status in (None, 408, 500)

    async def answer_everything(self) -> None:
        """Nothing has ended the connection: each request is read and answered, once its application does."""
        self.end(0)
        for number, asked in enumerate(self.asked):
            await self.server.settle(50)
            if asked.answered or asked.answer.cut or (self.over and not asked.complete):
                continue
            made = [call for call in self.calls.made if self.asked_by(call) is asked]
            assert made, f"request {number} never reaches the application"
            if made[0].ended:
                continue
            while not (asked.told or asked.gone):
                heard = asked.heard
                self.receiving.append(asyncio.ensure_future(self._receive(made[0])))
                await self.server.settle(50)
                assert asked.told or asked.gone or asked.heard > heard, f"the body of request {number} does not go on"
            await self._answer(made[0], asked, b"%d;" % number)

    async def leave(self, how: str) -> None:
        """The client goes. Whoever waits for it hears of that, be it to read or to write."""
        waiting = [asyncio.ensure_future(self._listen(call)) for call in self.calls.made if not call.ended]
        await self.server.settle(100)
        self.over = True
        if how == "reset" or not self.client.transport.is_reading():
            # Where reading is paused, it is the system that tells of a half-close, and there is none here.
            self.reasons.add("reset")
            self.client.transport.client_reset()
        else:
            self.reasons.add("half_close")
            self.client.resume()
            self.client.half_close()
        await self.server.settle(100)
        assert all(task.done() for task in (*waiting, *self.receiving)), "nobody tells the application of the end"
        assert all(task.done() for task in self.sending.values()), "nobody lets go whoever waits to send"
        await asyncio.gather(*waiting)

    async def _listen(self, call: Call) -> None:
        while not self.asked_by(call).gone:
            await self._receive(call)

    async def close(self, how: str) -> None:
        if how in ("half_close", "reset"):
            await self.leave(how)
        elif how == "last_get":
            self.end(0)
            self.last_get(0)
        self.client.resume()
        await self.server.settle()
        if not self.reasons - {"last_get", "half_close"}:
            await self.answer_everything()
        await self.server.settle(50)
        if not self.reasons:
            assert not self.client.closed, "the server ends the connection without a reason"
        if not self.reasons - {"last_get", "half_close"}:
            whole = [asked for asked in self.asked if asked.complete]
            assert all(asked.answer.complete for asked in whole), "a request is not answered"
            assert self.client.closed == bool(self.reasons)
        # One call after the other, as far as the client has asked.
        for _ in range(len(self.client.answers) + 1):
            await self.server.settle()
            self.calls.release()
        await self.server.settle()
        self.check()
        self.server.kernel.abort()
        await self.server.settle(50)
        assert not self.server.kernel.connections
        assert not self.server.kernel.calls
        for task in (*self.sending.values(), *self.receiving):
            assert task.result() is None, "it would raise if it were not done, and what it has raised"


SERVED = [("get", 0), ("settle", 3)]


@example(
    play=[*SERVED, ("length_start", 0), *[("settle", 0), ("write", 0)] * 2, ("settle", 0), ("get", 0)],
    reads=True,
    how="stays",
)
@example(play=[*SERVED, ("start", 0), *[("settle", 3), ("large", 0)] * 9], reads=False, how="stays")
@example(play=[*SERVED, ("get", 0), ("answer", 3), ("settle", 3)], reads=False, how="stays")
@example(play=[*SERVED, ("start", 0), ("settle", 3), ("write", 0), ("fail", 0), ("settle", 3)], reads=True, how="stays")
@example(play=[*SERVED, ("get", 0), ("half_close", 0)], reads=True, how="stays")
@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES == DEFAULT, suppress_health_check=list(HealthCheck)
)
@given(play=steps, reads=st.booleans(), how=st.sampled_from(("stays", "last_get", "half_close", "reset")))
def test_every_answer_is_that_of_its_request_and_nothing_is_left(
    play: list[tuple[str, int]], reads: bool, how: str
) -> None:
    async def check() -> None:
        calls = Calls()
        async with memory_server(calls.app, STRICT) as server:
            state = Play(server, calls)
            if not reads:
                state.pause(0)
            for name, number in play:
                await state.step(name, number)
                state.check()
            await state.close(how)

    run_in_memory(check())
