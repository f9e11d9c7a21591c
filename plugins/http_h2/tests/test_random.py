"""Whatever a client sends, the server answers by the rules: no error of its own, no stream or call left behind."""

from __future__ import annotations

import asyncio

from hpack import Encoder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugins.http_h2.tests.peer import PREFACE, Peer, get, raw, serving
from tricorn.api import Receive, Scope, Send
from tricorn.draining import Streams
from tricorn.registry import Registry
from tricorn.testing.memory_server import run_in_memory

BLOCK = Encoder().encode(get())
CONNECT = Encoder().encode(
    [(b":method", b"CONNECT"), (b":protocol", b"websocket"), *get()[1:], (b"sec-websocket-version", b"13")]
)
"""Field blocks that refer to nothing that was sent before them."""


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads some, answers some: by the path's length it stops half-way, streams, or fails."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "bytes": b"x" * 1000})
        return
    event = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x" * 30_000, "more_body": True})
    if event.get("more_body"):
        await receive()
    await send({"type": "http.response.body", "body": b"x" * 30_000})


numbers = st.sampled_from((0, 1, 1, 3, 3, 5, 7, 2, (1 << 31) - 1))
payloads = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        (BLOCK, CONNECT, BLOCK[:3], bytes(4), bytes(5), bytes(8), b"\0\4\0\0\0\1", b"\0\4\x7f\xff\xff\xff")
    ),
    st.integers(0, (1 << 31) - 1).map(lambda value: value.to_bytes(4, "big")),
    st.integers(1, 16384).map(bytes),
)
usual = st.sampled_from(
    (
        raw(1, 5, 1, BLOCK), raw(1, 4, 1, BLOCK), raw(1, 4, 3, BLOCK), raw(1, 5, 5, BLOCK), raw(1, 4, 7, CONNECT),
        raw(0, 0, 1, b"x" * 10_000), raw(0, 1, 1, b"x"), raw(0, 0, 3, b"x" * 16_384), raw(0, 0, 7, b"\x81\x80\0\0\0\0"),
        raw(3, 0, 1, bytes(4)), raw(8, 0, 0, b"\0\1\0\0"), raw(8, 0, 1, b"\0\1\0\0"), raw(8, 0, 3, b"\0\1\0\0"),
        raw(4, 0, 0, b"\0\4\0\0\0\0"), raw(4, 0, 0, b"\0\4\0\1\0\0"), raw(6, 0, 0, bytes(8)), raw(7, 0, 0, bytes(8)),
        raw(16, 0, 0, b"\0\0\0\3u=1, i"),
    )
)  # fmt: skip
frames = st.one_of(usual, usual, st.builds(raw, st.integers(0, 17), st.integers(0, 255), numbers, payloads))
steps = st.lists(st.one_of(frames, frames, frames, st.sampled_from(("turn", "pause", "take", "wait"))), max_size=30)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps, st.booleans(), st.sampled_from(("eof", "reset", "drain", "wait")))
def test_random_frames(steps: list[bytes | str], split: bool, end: str) -> None:
    async def check() -> None:
        ws = Registry().load("ws", "frames").provider
        async with serving(app, ws=ws) as server:
            peer = Peer(server, begin=False)
            peer.send(PREFACE, raw(4, 0, 0))
            for step in steps:
                if step == "turn":
                    await server.settle(2)
                elif step == "pause":
                    peer.transport.client_pause()
                elif step == "take":
                    peer.transport.client_take()
                elif step == "wait":
                    await server.advance(3)
                elif isinstance(step, bytes):
                    for part in (step[: len(step) // 2], step[len(step) // 2 :]) if split else (step,):
                        peer.send(part)
            peer.transport.client_take()
            if end == "eof":
                peer.transport.client_eof()
            elif end == "reset":
                peer.transport.client_reset()
            elif end == "drain":
                server.kernel.drain()
                Streams(server.kernel, 0).tell(0)
            for _ in range(12):
                await server.advance(12)
            await asyncio.sleep(0)
            assert not server.kernel.connections
            assert not server.kernel.calls
            assert [record.getMessage() for record in server.log if record.exc_info] == []

    run_in_memory(check())
