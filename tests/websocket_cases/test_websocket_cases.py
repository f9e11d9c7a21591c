"""Every case against a server with every codec: what comes back, the close code, and the end of the connection."""

from __future__ import annotations

import asyncio
import re
import zlib
from contextlib import suppress
from typing import Any

import pytest

from tests.websocket_cases.cases import AREAS, Answer, Case
from tests.websocket_cases.numbered import LIMIT, NUMBERED
from tricorn.testing import serve
from tricorn.testing.ws_peer import CLOSE, CONT, TAIL, close_frame, parse

DEADLINE = 60.0
AT_ONCE = 8
"""Cases run side by side against one server."""

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%b\r\n"
)
AGREED = re.compile(rb"(?i)\r\nsec-websocket-extensions: *(.*)\r\n")


async def app(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({**event, "type": "websocket.send"})


async def play(port: int, case: Case) -> tuple[tuple[Answer, ...], int | None]:
    """Send what the case says; return the frames that came back, and the code of the last."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 26)
    try:
        writer.write(HANDSHAKE % (b"Sec-WebSocket-Extensions: %b\r\n" % case.offer if case.offer else b""))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        agreed = AGREED.search(head)
        assert (agreed[1] if agreed else b"") == case.agreed
        data = await (in_turn if case.in_turn else at_once)(reader, writer, case)
    finally:
        writer.transport.abort()
    *messages, (_, opcode, payload) = parse(data)
    assert opcode == CLOSE, "the last frame is no close frame"
    answers: list[tuple[int, int, bytes]] = []
    for first, part_of, part in messages:
        if part_of == CONT:
            part_of, begun = answers[-1][1:]
            answers[-1] = answers[-1][0], part_of, begun + part
        else:
            answers.append((first, part_of, part))
    code = int.from_bytes(payload[:2], "big") if payload else None
    inflater = Inflater(case.agreed)
    return tuple((kind, inflater.inflate(first, data)) for first, kind, data in answers), code


async def at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, case: Case) -> bytes:
    """Send the pieces, and return what comes back meanwhile and then."""
    reading = asyncio.ensure_future(reader.read())
    with suppress(ConnectionError):  # a server that has refused need not read the rest
        for piece in (*case.pieces, close_frame(1000)) if case.ends else case.pieces:
            writer.write(piece)
            await writer.drain()
            for _ in range(2):  # one for the loop to see the piece, one for the server to read it alone
                await asyncio.sleep(0)
    return await reading


async def in_turn(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, case: Case) -> bytes:
    """Send a piece when the message before has come back."""
    data = b""
    for piece in case.pieces:
        writer.write(piece)
        final = 0
        while not final:
            head = await reader.readexactly(2)
            head += await reader.readexactly({126: 2, 127: 8}.get(head[1], 0))
            final = head[0] & 0x80
            data += head + await reader.readexactly(int.from_bytes(head[2:], "big") if len(head) > 2 else head[1])
    writer.write(close_frame(1000))
    return data + await reader.read()


class Inflater:
    """A client that keeps no more of what the server compresses than was agreed."""

    def __init__(self, agreed: bytes) -> None:
        bits = re.search(rb"server_max_window_bits=(\d+)", agreed)
        self.agreed = agreed
        self.bits = int(bits[1]) if bits else 15
        self.stream = zlib.decompressobj(-self.bits)

    def inflate(self, first: int, payload: bytes) -> bytes:
        """The payload of a message whose first byte tells whether it is compressed."""
        if not first & 0x40:
            assert not self.agreed or len(payload) < 1024, "a large message is not compressed"
            return payload
        assert self.agreed, "nobody agreed on compression"
        if b"server_no_context_takeover" in self.agreed:
            self.stream = zlib.decompressobj(-self.bits)
        # A window at a time: within one call zlib would look back as far as the call goes.
        size = 1 << self.bits
        parts = [self.stream.decompress(payload + TAIL, size)]
        while len(parts[-1]) == size:
            parts.append(self.stream.decompress(self.stream.unconsumed_tail, size))
        return b"".join(parts)


@pytest.mark.parametrize("ws", ["frames", "websockets", "wsproto"])
@pytest.mark.parametrize("area", [*AREAS, *NUMBERED])
async def test_every_case(area: str, ws: str) -> None:
    cases = {**AREAS, **NUMBERED}[area]()
    wrong: dict[str, str] = {}
    async with serve(app, ws=ws, ws_max_size=LIMIT if area in NUMBERED else 1 << 20, lifespan="off") as url:

        async def work() -> None:
            for name, case in cases:
                try:
                    answers, code = await asyncio.wait_for(play(int(url.rpartition(":")[2]), case), DEADLINE)
                except Exception as error:  # which is as wrong an answer as another
                    wrong[name] = repr(error)
                    continue
                if answers != case.answers:
                    wrong[name] = f"answers {str(answers)[:200]}, not {str(case.answers)[:200]}"
                elif code != case.code:
                    wrong[name] = f"code {code}, not {case.code}"

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    assert wrong == {}
