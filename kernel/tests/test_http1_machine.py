"""One HTTP/1 connection, a client and its applications, in any order of what they may do.

Whatever the order: every answer is that of its own request, complete or visibly cut, and in the end nothing is left.
`TRICORN_EXAMPLES=20000` runs for long.
"""

from __future__ import annotations

import asyncio
import os
import re
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tricorn.draining import Streams
from tricorn.testing.calls import Call, Calls
from tricorn.testing.client import Answer
from tricorn.testing.http1_base import request
from tricorn.testing.http1_client import Http1Client
from tricorn.testing.memory_server import MemoryServer, memory_server, run_in_memory
from tricorn.testing.strict import STRICT

DEFAULT = 300
EXAMPLES = int(os.environ.get("TRICORN_EXAMPLES", DEFAULT))

USUAL = ("get", "get", "get", "settle", "settle", "answer", "answer", "answer", "start", "last", "resume")
CLIENT = ("get", "post", "length", "body", "end", "half_close", "reset", "pause", "resume", "take")
APPLICATION = ("receive", "answer", "start", "length_start", "write", "large", "last", "fail", "finish", "cancel")
OTHERS = ("settle", "advance", "drain")
ONCE = ("half_close", "reset", "fail", "finish", "cancel", "drain")
"""What ends something: done at one number in four, so that there is something to end."""

names = st.one_of(st.sampled_from(USUAL), st.sampled_from(CLIENT + APPLICATION + OTHERS))
steps = st.lists(st.tuples(names, st.integers(0, 3)), min_size=10, max_size=80)

SIZE = 10
"""Bytes of the bodies with a length, in both directions."""


class Play:
    """What has happened so far, and what may happen next."""

    def __init__(self, server: MemoryServer, calls: Calls) -> None:
        self.server = server
        self.calls = calls
        self.client = Http1Client(server)
        self.open: Answer | None = None  # the request whose body is being sent
        self.left = 0  # bytes of it, where they were announced
        self.over = False  # the client sends nothing more
        self.sending: dict[int, asyncio.Task[None]] = {}
        self.receiving: list[asyncio.Task[Any]] = []

    async def step(self, name: str, number: int) -> None:
        """Do one thing, if it can be done now."""
        if name in ONCE and number:
            return
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
        head = request(*fields, method=method, target=b"/%d" % len(self.client.answers))
        return self.client.ask_raw(head, method=method, chunked=chunked)

    def get(self, number: int) -> None:
        self._ask()

    def post(self, number: int) -> None:
        self.open = self._ask(b"Transfer-Encoding: chunked", method=b"POST", chunked=True) or self.open

    def length(self, number: int) -> None:
        if asked := self._ask(b"Content-Length: %d" % SIZE, method=b"POST"):
            self.open, self.left = asked, SIZE

    def body(self, number: int) -> None:
        if self.open is not None and not self.over:
            if self.open.request[1]:
                self.client.send(self.open, b"x" * (1 + number * 40_000))
            elif self.left > 1:
                self.left -= 1
                self.client.send(self.open, b"x")

    def end(self, number: int) -> None:
        if self.open is not None and not self.over:
            self.client.send(self.open, b"x" * (1 if self.open.request[1] else self.left), end=True)
            self.open = None

    def half_close(self, number: int) -> None:
        if not self.over:
            self.over = True
            self.client.half_close()

    def reset(self, number: int) -> None:
        if not self.over:
            self.over = True
            self.client.transport.client_reset()

    def pause(self, number: int) -> None:
        self.client.pause()

    def resume(self, number: int) -> None:
        self.client.resume()

    def take(self, number: int) -> None:
        self.client.transport.client_take(1 + number * 30_000)

    # --- the applications -----------------------------------------------------------------------------------------

    def act(self, name: str, number: int) -> None:
        alive = [call for call in self.calls.made if not call.ended]
        if not alive:
            return
        call = alive[min(number, len(alive) - 1)]
        if name == "receive":
            self.receiving.append(asyncio.ensure_future(call.receive()))
        elif name == "fail":
            call.fail(RuntimeError("as it was told"))
        elif name == "finish":
            call.finish()
        elif name == "cancel":
            for running in self.server.kernel.calls:
                if running.scope is call.scope and running.task is not None:
                    running.task.cancel()
        elif (before := self.sending.get(id(call))) is None or before.done():
            self.sending[id(call)] = asyncio.ensure_future(self._send(call, name))

    async def _send(self, call: Call, name: str) -> None:
        mark = call.scope["path"][1:].encode() + b";"
        length = len(mark) * SIZE
        try:
            if name == "answer":
                await call.start()
                await call.write(mark * SIZE)
                if not call.ended:
                    call.finish()
            elif name == "start":
                await call.start()
            elif name == "length_start":
                await call.start(headers=[(b"content-length", b"%d" % length)])
            else:
                await call.write(mark * (20_000 if name == "large" else SIZE), more_body=name != "last")
        except RuntimeError:
            pass  # out of order, or not what the length said

    async def wait(self, name: str, number: int) -> None:
        if name == "advance":
            await self.server.advance(number * 4)
        elif name == "settle":
            await self.server.settle(number + 1)
        else:
            self.server.kernel.drain()
            Streams(self.server.kernel, 0).tell(0)

    # --- what must be true ----------------------------------------------------------------------------------------

    def check(self) -> None:
        for number, answer in enumerate(self.client.answers):
            if answer.status == 200:
                assert re.fullmatch(b"(?:%d;)*" % number, bytes(answer.body)) or not answer.complete
                assert bytes(answer.body).startswith(b"%d;" % number) or len(answer.body) < 3
                if answer.complete and answer.values(b"content-length"):
                    assert answer.values(b"content-length") == [b"%d" % len(answer.body)]
            else:
                assert answer.status in (None, 408, 500)

    async def close(self) -> None:
        self.client.resume()
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
        assert all(task.done() for task in (*self.sending.values(), *self.receiving))


@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES == DEFAULT, suppress_health_check=list(HealthCheck)
)
@given(play=steps)
def test_every_answer_is_that_of_its_request_and_nothing_is_left(play: list[tuple[str, int]]) -> None:
    async def check() -> None:
        calls = Calls()
        async with memory_server(calls.app, STRICT) as server:
            state = Play(server, calls)
            for name, number in play:
                await state.step(name, number)
                state.check()
            await state.close()

    run_in_memory(check())
