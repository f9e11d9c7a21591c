"""The clients: asyncio protocols that ask again as soon as they have been answered.

They are in one thread with everything else that measures, and so do as little as they can: the bytes of a request are
made once, and the head of a response that was seen before is not read again.
"""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import cast

from tricorn.api import Refusal
from tricorn.chunked import ChunkedReader
from tricorn.testing.ws_peer import PING, PONG, frame
from tricorn_command_bench.load import Load, Tally

CLOSE = 8
CHUNKED, UNTIL_CLOSE = -1, -2
"""Lengths of bodies that no field tells."""

HEADS_LIMIT = 256
"""Heads of responses that are remembered; where each is different that is no use, and must cost no memory."""


class Client(asyncio.Protocol):
    """One connection. `closed` is done when it is over; an answer that was waited for then counts as failed."""

    transport: asyncio.Transport

    def __init__(self, load: Load, port: int, tally: Tally) -> None:
        self.tally = tally
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._begun = 0.0
        self._waiting = True
        self._partial = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first time."""
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Count what is missing."""
        if self._waiting:
            self.tally.failures["connection lost"] += 1
        if not self.closed.done():
            self.closed.set_result(None)

    def give_up(self, why: str) -> None:
        """Count a failure that ends the connection."""
        self.tally.failures[why] += 1
        self._waiting = False
        self.transport.abort()


class HttpClient(Client):
    """A connection that is kept alive (RFC 9112 section 9.3): the next request leaves behind a complete response."""

    def __init__(self, load: Load, port: int, tally: Tally) -> None:
        super().__init__(load, port, tally)
        self._request = load.request(port)
        self._bodiless = load.method == "HEAD"
        self._status = self._left = 0
        self._persistent = True
        self._chunks = ChunkedReader()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first time."""
        super().connection_made(transport)
        self._ask()

    def _ask(self) -> None:
        self._waiting = True
        self._begun = perf_counter()
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Take a part of the response, which may be all of it."""
        if not self._status:
            data = self._partial + data
            end = data.find(b"\r\n\r\n") + 4
            if end < 4:
                self._partial = data
                return
            self._partial = b""
            try:
                self._status, self._left, self._persistent = self.tally.heads.get(data[:end]) or self._read(data[:end])
            except ValueError:
                self.give_up("no HTTP")
                return
            data = data[end:]
            if self._status < 200:  # the final response follows (RFC 9110 section 15.2)
                self._status = 0
                if data:
                    self.data_received(data)
                return
        self._body(data)

    def _body(self, data: bytes) -> None:
        if self._left == UNTIL_CLOSE:
            return
        if self._left == CHUNKED:
            try:
                _, end = self._chunks.read(data, 0)
            except Refusal:
                self.give_up("broken chunks")
                return
            if end < 0:
                return
            self._chunks = ChunkedReader()
        else:
            self._left -= len(data)
            if self._left > 0:
                return
        self._complete()

    def _complete(self) -> None:
        self.tally.answered(self._status, self._begun)
        self._waiting = False
        self._status = 0
        if self._persistent:
            self._ask()
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """The end of a response that only the end of the connection delimits, or a loss."""
        if self._status and self._left == UNTIL_CLOSE and error is None:
            self._persistent = False
            self._complete()
        super().connection_lost(error)

    def _read(self, head: bytes) -> tuple[int, int, bool]:
        """Status, length of the body and whether the connection goes on. Raises ValueError."""
        line, *lines = head[:-4].split(b"\r\n")
        version, _, rest = line.partition(b" ")
        status = int(rest[:3])
        fields = {}
        for text in lines:
            name, _, value = text.partition(b":")
            fields[name.lower()] = value.strip().lower()
        if self._bodiless or status in (204, 304) or status < 200:
            length = 0
        elif b"chunked" in fields.get(b"transfer-encoding", b""):
            length = CHUNKED
        else:
            length = int(fields.get(b"content-length", UNTIL_CLOSE))
        persistent = version == b"HTTP/1.1" and b"close" not in fields.get(b"connection", b"")
        if len(self.tally.heads) >= HEADS_LIMIT:
            self.tally.heads.clear()
        self.tally.heads[head] = status, length, persistent
        return status, length, persistent


class WsClient(Client):
    """A WebSocket (RFC 6455) that sends a message, waits until one comes back, and sends it again."""

    def __init__(self, load: Load, port: int, tally: Tally) -> None:
        super().__init__(load, port, tally)
        self._handshake = load.handshake(port)
        self._message = load.message()
        self._open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the WebSocket."""
        super().connection_made(transport)
        transport.write(self._handshake)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """Take the answer to the handshake, then frames."""
        data = self._partial + data
        if not self._open:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._partial = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.give_up(head[9:12].decode("latin-1"))
                return
            self._open = True
            self._send()
        self._partial = self._frames(data)

    def _send(self) -> None:
        self._begun = perf_counter()
        self.transport.write(self._message)

    def _frames(self, data: bytes) -> bytes:
        """Act on every complete frame; returns what is left."""
        while len(data) >= 2:
            size, start = data[1] & 127, 2
            if size > 125:
                start = 4 if size == 126 else 10
                size = int.from_bytes(data[2:start], "big")
            if len(data) < start + size:
                break
            first, payload, data = data[0], data[start : start + size], data[start + size :]
            opcode = first & 15
            if opcode == PING:
                self.transport.write(frame(PONG, payload))
            elif opcode == CLOSE:
                self.give_up(f"closed with {int.from_bytes(payload[:2], 'big') or 1005}")
                return b""
            elif opcode < CLOSE and first & 128:
                self.tally.answered(200, self._begun)
                self._send()
        return data
