"""What arrives on a WebSocket: bounded work in each turn of the loop, and nothing lost of what came before an end."""

from __future__ import annotations

import pytest

from kernel.tests.ws_ends import opened_in_memory
from tricorn.incoming import QUEUE_LIMIT, SLICE
from tricorn.testing.memory_server import run_in_memory
from tricorn.testing.ws_peer import BINARY, CLOSE, CONT, close_frame, frame

WS = ("frames", "websockets", "wsproto")


@pytest.mark.parametrize("ws", WS)
def test_one_turn_of_the_loop_reads_only_so_much(ws: str) -> None:
    """A frame for each byte is the dearest way to send a message."""

    async def check() -> None:
        async with opened_in_memory(ws) as ends:
            part = frame(CONT, b"x", fin=False)
            most = SLICE // len(part) + len(part)
            ends.transport.client_send(frame(BINARY, fin=False) + part * 60_000 + frame(CONT))
            kept, turns = 0, 0
            while ends.session._held:
                before, kept = kept, ends.session._codec.unfinished
                assert kept - before <= most
                turns += 1
                await ends.server.settle(1)
            assert turns >= 60_000 // most
            assert (await ends.call.receive())["bytes"] == b"x" * 60_000

    run_in_memory(check())


@pytest.mark.parametrize("ws", WS)
def test_what_came_before_the_end_of_input_is_received(ws: str) -> None:
    """Though the application had enough to do when the end came; the close frame in front of it is answered."""
    messages = [b"%05d" % number * 2000 for number in range(31)]
    size = sum(map(len, messages[:15]))
    assert size < SLICE
    assert sum(map(len, messages)) > QUEUE_LIMIT

    async def check() -> None:
        async with opened_in_memory(ws) as ends:
            ends.transport.client_send(b"".join(frame(BINARY, message) for message in messages[:15]))
            ends.transport.client_send(
                b"".join(frame(BINARY, message) for message in messages[15:]) + close_frame(4000, b"bye")
            )
            ends.transport.client_eof()
            assert [(await ends.call.receive()).get("bytes") for _ in messages] == messages
            assert await ends.call.receive() == {"type": "websocket.disconnect", "code": 4000, "reason": "bye"}
            assert ends.frames == [(CLOSE, b"\x0f\xa0bye")]

    run_in_memory(check())


@pytest.mark.parametrize("ws", WS)
def test_an_end_of_input_without_a_close_frame_is_heard_behind_the_messages(ws: str) -> None:
    messages = [b"%05d" % number * 2000 for number in range(31)]

    async def check() -> None:
        async with opened_in_memory(ws) as ends:
            for some in (messages[:15], messages[15:]):
                ends.transport.client_send(b"".join(frame(BINARY, message) for message in some))
            ends.transport.client_eof()
            assert [(await ends.call.receive()).get("bytes") for _ in messages] == messages
            assert await ends.call.receive() == {"type": "websocket.disconnect", "code": 1006, "reason": ""}

    run_in_memory(check())
