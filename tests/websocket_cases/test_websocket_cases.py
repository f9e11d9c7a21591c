"""Every case against a server with every codec: what comes back, the close code, and the end of the connection."""

from __future__ import annotations

import asyncio
import zlib
from contextlib import suppress
from typing import Any

import pytest

from tests.websocket_cases.cases import AREAS, Answer, Case
from tricorn.testing import serve
from tricorn.testing.ws_peer import CLOSE, CONT, TAIL, close_frame, parse

DEADLINE = 60.0
AT_ONCE = 8
"""Cases run side by side against one server."""

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%b\r\n"
)
OFFER = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits; server_no_context_takeover\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({**event, "type": "websocket.send"})


async def play(port: int, case: Case, offer: bytes) -> tuple[tuple[Answer, ...], int | None]:
    """Send what the case says; return the frames that came back, and the code of the last."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 26)
    try:
        writer.write(HANDSHAKE % offer)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        assert (b"permessage-deflate" in head) is bool(offer)
        reading = asyncio.ensure_future(reader.read())
        pieces = case.pieces + ((close_frame(1000),) if case.ends else ())
        with suppress(ConnectionError):  # a server that has refused need not read the rest
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                if len(pieces) < 50:
                    await asyncio.sleep(0)
        frames = parse(await reading)
    finally:
        writer.transport.abort()
    *messages, (_, opcode, payload) = frames
    assert opcode == CLOSE, "the last frame is no close frame"
    answers: list[tuple[int, int, bytes]] = []
    for first, part_of, part in messages:
        if part_of == CONT:
            part_of, begun = answers[-1][1:]
            answers[-1] = answers[-1][0], part_of, begun + part
        else:
            answers.append((first, part_of, part))
    code = int.from_bytes(payload[:2], "big") if payload else None
    return tuple((kind, inflated(first, data)) for first, kind, data in answers), code


def inflated(first: int, payload: bytes) -> bytes:
    if not first & 0x40:
        return payload
    return zlib.decompress(payload + TAIL + b"\x03\x00", wbits=-15)


@pytest.mark.parametrize("ws", ["frames", "websockets", "wsproto"])
@pytest.mark.parametrize("area", AREAS)
async def test_every_case(area: str, ws: str) -> None:
    offer = OFFER if area == "compression" else b""
    wrong: dict[str, str] = {}
    places = asyncio.Semaphore(AT_ONCE)
    async with serve(app, ws=ws, ws_max_size=1 << 20, lifespan="off") as url:

        async def run(name: str, case: Case) -> None:
            async with places:
                answers, code = await asyncio.wait_for(play(int(url.rpartition(":")[2]), case, offer), DEADLINE)
            if answers != case.answers:
                wrong[name] = f"answers {str(answers)[:200]}, not {str(case.answers)[:200]}"
            elif code != case.code:
                wrong[name] = f"code {code}, not {case.code}"

        await asyncio.gather(*(run(name, case) for name, case in AREAS[area].items()))
    assert wrong == {}
