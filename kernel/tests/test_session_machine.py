"""One WebSocket, its client and its application, in any order of what they may do.

Whatever the order: messages arrive whole and in order in both directions, those before an end before it; at most one
close frame is sent and nothing behind it; both sides hear a code that somebody has given a reason for; whoever waits is
let go; what is kept is bounded, and in the end nothing is left. `TRICORN_EXAMPLES=20000` runs for long.
"""

from __future__ import annotations

import asyncio
import os
import zlib
from collections.abc import Callable
from contextlib import suppress
from itertools import product
from math import inf
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kernel.tests.ws_ends import handshake
from tricorn.api import Message
from tricorn.draining import Streams
from tricorn.incoming import QUEUE_LIMIT
from tricorn.registry import Registry
from tricorn.session import CLOSING, Session
from tricorn.testing.calls import Call, Calls
from tricorn.testing.memory_server import MemoryServer, memory_server, run_in_memory
from tricorn.testing.strict import STRICT
from tricorn.testing.ws_peer import BINARY, CLOSE, CONT, PING, PONG, TAIL, TEXT, close_frame, deflate, frame

DEFAULT = 150
EXAMPLES = int(os.environ.get("TRICORN_EXAMPLES", DEFAULT))

OFFER = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover"
SIZES = (0, 1, 300, 70_000)
LARGEST = 400_000
"""Bytes of the largest read: a flood of messages, and what was left of a frame before it."""
BROKEN = (frame(3), frame(TEXT, b"x", mask=None), frame(PING, b"*" * 126), frame(TEXT, b"\xff"))
CODES = {
    "finish": 1000,
    "fail": 1011,
    "cancel": 1011,
    "close": 4001,
    "drain": 1012,
    "close_frame": 4000,
    "advance": 1011,
}
"""The codes by which the ends may be known, and that of a ping which time has passed without an answer."""

USUAL = ("text", "text", "binary", "settle", "settle", "receive", "receive", "send", "send", "resume")
CLIENT = ("text", "binary", "begin", "go_on", "flood", "ping", "pong", "pause", "resume", "take")
CLIENT_ENDS = ("close_frame", "broken", "half_close", "reset")
APPLICATION = ("receive", "send", "send", "large")
APPLICATION_ENDS = ("close", "fail", "finish", "cancel")
OTHERS = ("settle", "advance")
ENDS = (*CLIENT_ENDS, *APPLICATION_ENDS, "drain")
"""What ends something: done at one number in four, so that there is something to end."""

names = st.one_of(st.sampled_from(USUAL), st.sampled_from(CLIENT + APPLICATION + OTHERS + ENDS))
steps = st.lists(st.tuples(names, st.integers(0, 3)), min_size=30, max_size=60)


class Play:
    """What has happened so far, and what may happen next."""

    def __init__(self, server: MemoryServer, deflated: bool) -> None:
        self.server = server
        self.deflated = deflated
        self.received = bytearray()
        self.ended = False  # the connection, as the client sees it
        self.over = False  # the client sends nothing more, or nothing that counts
        self.rest = b""  # of a frame that was sent in part
        self.fragments: list[bytes] | None = None
        self.asked: list[str | bytes] = []  # whole messages of the client
        self.heard: list[str | bytes] = []  # by the application
        self.told: list[str | bytes] = []  # by the application
        self.pings: list[bytes] = []
        self.left: float = inf  # bytes of messages for the application, once the server has closed
        self.codes: set[int] = set()
        self.lost = False  # the client has gone without a word, or had the time to
        self.kept = True  # what was asked has to be heard
        self.disconnect: Message | None = None
        self.receiving: asyncio.Task[None] | None = None
        self.sending: asyncio.Task[None] | None = None

    async def step(self, name: str, number: int) -> None:
        """Do one thing, if it can be done now."""
        if name in ENDS and number:
            return
        if name == "settle":
            await self.server.settle(number + 1)
            if number == 3 and all(call._state >= CLOSING for call in self.sessions()):
                assert self.sending is None or self.sending.done(), "nobody lets go whoever waits to send"
        elif name == "advance":
            self.reckon(name if number else "")
            self.lost = self.lost or number > 0
            await self.server.advance(number * 4)
        elif name == "drain":
            self.reckon(name)
            self.server.kernel.drain()
            Streams(self.server.kernel, 0).tell(0)
        elif name in APPLICATION + APPLICATION_ENDS:
            self.act(name, number)
        elif name in ("pause", "resume", "take") or not self.over:
            getattr(self, name)(number)

    def reckon(self, name: str) -> None:
        """Something happens that may end the WebSocket, and with it what the application hears."""
        if name in CODES:
            self.codes.add(CODES[name])
            self.kept = self.kept and name == "close_frame"

    def sessions(self) -> list[Session]:
        """The one session, while its application runs."""
        found = [call for call in self.server.kernel.calls if isinstance(call, Session)]
        assert len(found) == len(self.server.kernel.calls)
        return found

    async def connect(self, calls: Calls) -> None:
        self.transport = self.server.connect(self.received.extend, lambda _: setattr(self, "ended", True))
        self.transport.client_send(handshake("/", *([OFFER] if self.deflated else [])))
        self.call: Call = await calls()
        assert (await self.call.receive())["type"] == "websocket.connect"
        await self.call.send({"type": "websocket.accept"})
        assert self.received.startswith(b"HTTP/1.1 101 ")

    def write(self, data: bytes, number: int = 0) -> None:
        """Send the bytes, or with the number 3 a half of them, whose other half comes before what comes next."""
        data = self.rest + data
        middle = len(data) // 2 if number == 3 else len(data)
        self.rest = data[middle:]
        self.transport.client_send(data[:middle])

    def message(self, data: str | bytes, cut: int = 0) -> None:
        payload = data.encode() if isinstance(data, str) else data
        opcode = TEXT if isinstance(data, str) else BINARY
        self.asked.append(data)
        if self.deflated:
            self.write(frame(opcode, deflate(payload), rsv=4), cut)
        else:
            self.write(frame(opcode, payload), cut)

    def text(self, number: int) -> None:
        if self.fragments is None:
            self.message((f"{len(self.asked)};κ" * SIZES[number])[: SIZES[number]], number)

    def binary(self, number: int) -> None:
        if self.fragments is None:
            self.message((b"%d;" % len(self.asked) * SIZES[number])[: SIZES[number]])

    def flood(self, number: int) -> None:
        if self.fragments is None:
            held, self.rest = self.rest, b""
            data = [b"%d;" % index * 5000 for index in range(20 if number else 10)]
            self.asked += data
            self.transport.client_send(held + b"".join(frame(BINARY, message) for message in data))

    def begin(self, number: int) -> None:
        if self.fragments is None:
            self.fragments = [b"begun"]
            self.write(frame(BINARY, b"begun", fin=False), number)

    def go_on(self, number: int) -> None:
        if self.fragments is not None:
            self.fragments.append(b"." * number)
            if number == 1:
                self.asked.append(b"".join(self.fragments))
                self.fragments = None
            self.write(frame(CONT, b"." * number, fin=number == 1), number)

    def ping(self, number: int) -> None:
        self.pings.append(b"%d" % len(self.pings))
        self.write(frame(PING, self.pings[-1]))

    def pong(self, number: int) -> None:
        for first, payload in self.frames():
            if first & 15 == PING:
                self.write(frame(PONG, payload))

    def close_frame(self, number: int) -> None:
        self.over = True
        self.reckon("close_frame")
        self.write(close_frame(4000, b"as it was told"))

    def broken(self, number: int) -> None:
        self.over = True
        kind = len(self.asked) % len(BROKEN)
        self.codes.add(1007 if kind == 3 and self.fragments is None else 1002)
        self.write(BROKEN[kind])

    def half_close(self, number: int) -> None:
        self.over = self.lost = True
        self.kept = self.kept and not self.rest
        self.transport.client_eof()

    def reset(self, number: int) -> None:
        self.over = self.lost = True
        self.kept = False
        self.transport.client_reset()

    def pause(self, number: int) -> None:
        self.transport.client_pause()

    def resume(self, number: int) -> None:
        self.transport.client_take()

    def take(self, number: int) -> None:
        self.transport.client_take(1 + number * 30_000)

    def act(self, name: str, number: int) -> None:
        if self.call.ended:
            return
        if name == "receive":
            if self.receiving is None or self.receiving.done():
                self.receiving = asyncio.ensure_future(self._receive())
        elif name == "fail":
            self.reckon(name)
            self.call.fail(RuntimeError("as it was told"))
        elif name == "finish":
            self.reckon(name)
            self.call.finish()
        elif name == "cancel":
            self.reckon(name)
            for running in self.server.kernel.calls:
                assert running.task is not None
                running.task.cancel()
        elif self.sending is None or self.sending.done():
            event = {"type": "websocket.close", "code": 4001}
            if name == "close":
                self.reckon(name)
            else:
                data = f"{len(self.told)};κ" * (100_000 if name == "large" else SIZES[number] // 3)
                event = {"type": "websocket.send", "text": data}
                self.told.append(data)
            self.sending = asyncio.ensure_future(self._send(event))

    async def _receive(self) -> None:
        event = await self.call.receive()
        if event["type"] == "websocket.receive":
            assert self.disconnect is None, "a message behind the disconnect"
            self.heard.append(event["bytes"] if event.get("text") is None else event["text"])
        else:
            assert event["type"] == "websocket.disconnect"
            assert self.disconnect in (None, event)
            self.disconnect = event
            assert event["code"] in self.codes or (event["code"] == 1006 and self.lost), "nobody has given that code"
            assert event["code"] != 4000 or event["reason"] == "as it was told"
            assert not self.kept or self.heard == self.asked, "the end came before a message"

    async def _send(self, event: dict[str, Any]) -> None:
        with suppress(OSError, RuntimeError):  # the client is gone; behind a close of its own
            await self.call.send(event)

    def frames(self) -> list[tuple[int, bytes]]:
        """The frames that have come whole: (first byte, payload)."""
        _, _, data = bytes(self.received).partition(b"\r\n\r\n")
        found, at = [], 0
        while len(data) >= at + 2:
            size = data[at + 1]
            assert size < 128, "a server does not mask"
            start = at + 2
            if size > 125:
                width = 2 if size == 126 else 8
                size = int.from_bytes(data[start : start + width], "big")
                start += width
            if len(data) < start + size:
                break
            found.append((data[at], data[start : start + size]))
            at = start + size
        return found

    def check(self) -> None:
        assert self.heard == self.asked[: len(self.heard)]
        for call in self.sessions():
            assert call._queued <= QUEUE_LIMIT + 2 * SIZES[-1]
            assert len(call._unread) <= 2 * LARGEST
            if call._state >= CLOSING:
                assert call._queued <= self.left, "messages behind our own close frame are kept"
                self.left = call._queued
        assert self.transport.most < 1 << 20

    def check_frames(self, every: bool = False) -> None:
        frames = self.frames()
        opcodes = [first & 15 for first, _ in frames]
        assert CLOSE not in opcodes[:-1]
        if CLOSE in opcodes:
            assert int.from_bytes(frames[-1][1][:2], "big") in self.codes, "nobody has given that code"
        pongs = iter(self.pings)
        assert all(payload in pongs for first, payload in frames if first & 15 == PONG), "a pong nobody asked for"
        texts: list[str] = []
        parts = b""
        compressed = False
        for first, payload in frames:
            if first & 15 in (TEXT, CONT):
                compressed = bool(first & 0x40) if first & 15 == TEXT else compressed
                parts += payload
                if first & 0x80:
                    whole = zlib.decompress(parts + TAIL + b"\x03\x00", wbits=-15) if compressed else parts
                    texts.append(whole.decode())
                    parts = b""
        assert texts == (self.told if every else self.told[: len(texts)])

    async def end_both(self, how: str, flooded: bool) -> None:
        """Somebody ends it while the application waits in both directions: it is let go from both, and gets no more. Or
        while it is flooded, and has a lot to receive before that."""
        self.pause(0)
        if flooded and not self.over:
            for _ in range(3 if how == "half_close" else 1):
                self.flood(0)  # a third one is more than the application is given at once
            await self.step(how, 0)
            if self.kept and self.codes and not self.call.ended:
                self.resume(0)
                for name in ("receive", "send"):
                    self.act(name, 3)
                    await self.server.settle(20)
                self.check_frames(every=True)  # the answer to a message that came before the close frame
            return
        while self.disconnect is None and len(self.heard) < len(self.asked) and not self.call.ended:
            before = len(self.heard)
            self.act("receive", 0)
            await self.server.settle(20)
            if len(self.heard) == before:
                break
        for name in ("send", "large", "large", "receive"):
            self.act(name, 3)
            await self.server.settle(5)
        await self.step(how, 0)
        await self.server.settle(20)
        # A close frame waits for the application, which has messages to take or is sending one.
        if all(call._state >= CLOSING for call in self.sessions()):
            assert self.sending is None or self.sending.done(), "nobody lets go whoever waits to send"
            assert self.receiving is None or self.receiving.done(), "nobody lets go whoever waits to receive"
        if not self.over:
            self.text(2)
            await self.server.settle(5)
        self.check()

    async def close(self) -> None:
        self.resume(0)
        await self.server.settle()
        if not self.over:
            self.write(b"")
        if not self.call.ended:
            await self.take_everything()
        self.check()
        if not (self.over or self.ended or self.codes):
            await self.server.settle(50)
            self.check_frames(every=True)
        self.reckon("finish")
        self.reckon("advance")
        if not self.call.ended:
            self.call.finish()
        # A ping, its answer, the closing handshake: none of them is given, and each has its deadline.
        for _ in range(5):
            await self.server.advance(21)
        self.check_frames()
        answered = any(first & 15 == CLOSE for first, _ in self.frames())
        assert answered or self.lost or 4000 not in self.codes, "a close frame gets no answer"
        assert self.ended
        assert not self.server.kernel.connections
        assert not self.server.kernel.calls
        for task in (self.sending, self.receiving):
            assert task is None or task.result() is None, "it would raise if it were not done"

    async def take_everything(self) -> None:
        """The application receives what there is, to the last message and the end if there has been one."""
        before = -1
        while self.disconnect is None and len(self.heard) > before:
            before = len(self.heard)
            self.act("receive", 0)
            await self.server.settle(20)
        assert not self.kept or self.heard == self.asked, "a message was lost"
        assert self.disconnect is not None or not (self.over or self.ended), "nobody tells the application of the end"


def each_end(test: Callable[..., None]) -> Callable[..., None]:
    """Play every end of an untroubled WebSocket, and both ends at once, besides those that come up by themselves."""
    test = example(play=[("text", 1), ("close_frame", 0), ("close", 0), ("settle", 1)], end=None)(test)
    for end in product(ENDS, (False, True)):
        test = example(play=[], end=end)(test)
    return test


@pytest.mark.parametrize("ws", ["frames", "websockets", "wsproto"])
@pytest.mark.parametrize("deflated", [False, True], ids=["plain", "deflate"])
@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES == DEFAULT, suppress_health_check=list(HealthCheck)
)
@each_end
@given(play=steps, end=st.one_of(st.none(), st.tuples(st.sampled_from(ENDS), st.booleans())))
def test_messages_arrive_in_order_and_nothing_is_left(
    ws: str, deflated: bool, play: list[tuple[str, int]], end: tuple[str, bool] | None
) -> None:
    async def check() -> None:
        calls = Calls()
        async with memory_server(calls.app, STRICT, ws=Registry().load("ws", ws).provider) as server:
            state = Play(server, deflated)
            await state.connect(calls)
            for name, number in play:
                await state.step(name, number)
                state.check()
            if end is not None:
                await state.end_both(*end)
            await state.close()

    run_in_memory(check())
