"""The floor: protocols that answer every read with constant bytes, so nothing in Python can be faster.

It is no HTTP server: it takes every empty line for the end of a request, and every WebSocket message for a repetition
of the first. `python -m benchmarks.floor PORT LOOP BYTES [CERTIFICATE KEY]`: BYTES is the size of the answer's body.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from base64 import b64encode
from hashlib import sha1
from importlib import import_module
from typing import Any, cast

HEAD = b"HTTP/1.1 200 OK\r\nserver: floor\r\ncontent-length: %d\r\ncontent-type: text/plain\r\n\r\n"
HELLO = b"Hello, World!"
CALLED = HEAD % len(HELLO)
ACCEPTED = b"HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %b\r\n\r\n"


class Floor(asyncio.Protocol):
    """Answers as many requests as a read holds, with a body of `size` bytes."""

    def __init__(self, size: int) -> None:
        self.head = HEAD % size
        self.body = HELLO if size == len(HELLO) else b"f" * size
        self.answer = self.head + self.body
        self.left = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the bound method that every read calls."""
        self.transport = cast("asyncio.Transport", transport)
        self.write = self.transport.write

    def data_received(self, data: bytes) -> None:
        """One answer per request head, or behind the body that it announces."""
        if self.left:
            self.left -= len(data)
            if self.left <= 0:
                self.write(self.answer)
        elif data.startswith(b"POST"):
            head, _, body = data.partition(b"\r\n\r\n")
            self.left = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
            self.data_received(body)
        elif b"Connection: close" in data:
            self.write(self.answer)
            self.transport.close()
        elif b"Sec-WebSocket-Key: " in data:
            key = data.partition(b"Sec-WebSocket-Key: ")[2][:24]
            self.write(ACCEPTED % b64encode(sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()))
            self.transport.set_protocol(Echo(self.transport))
        else:
            self.write(self.answer * data.count(b"\r\n\r\n"))


class Calls(asyncio.Protocol):
    """The least that an ASGI server does: a task, a scope, two messages and one write. It does not look at the
    request, or at what the application says of its response."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what every scope says of the connection."""
        self.write = cast("asyncio.Transport", transport).write
        self.client, self.server = (transport.get_extra_info(name) for name in ("peername", "sockname"))

    def data_received(self, data: bytes) -> None:
        """One call for each request."""
        for _ in range(data.count(b"\r\n\r\n")):
            self.task = asyncio.Task(self.app(self.scope(), self.receive, self.send), loop=self.loop, name="/")

    def scope(self) -> dict[str, Any]:
        """A scope as all servers make it."""
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": "http",
            "method": "GET",
            "root_path": "",
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "headers": [(b"host", b"127.0.0.1")],
            "state": {},
        }

    async def receive(self) -> dict[str, Any]:
        """There is no body."""
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, event: dict[str, Any]) -> None:
        """Write the head with the body."""
        if event["type"] == "http.response.body":
            self.write(CALLED + event["body"])


class Echo(asyncio.Protocol):
    """Sends the first message back for every message that it counts: by bytes, all of them being as long."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.write = transport.write
        self.buffer = b""
        self.reply = b""
        self.got = 0
        self.size = 0

    def data_received(self, data: bytes) -> None:
        """As many replies as messages are complete now."""
        if not self.reply:
            data = self.buffer = self.buffer + data
            self.reply = self._first(data)
            if not self.reply:
                return
        whole, self.got = divmod(self.got + len(data), self.size)
        if whole:
            self.write(self.reply * whole)

    def _first(self, data: bytes) -> bytes:
        """The reply to a message, once it is there: its frame without the mask."""
        width = {126: 2, 127: 8}.get(data[1] & 127, 0)
        head = data[:1] + bytes((data[1] & 127,)) + data[2 : 2 + width]
        length = int.from_bytes(data[2 : 2 + width], "big") if width else data[1] & 127
        self.size = 6 + width + length
        if len(data) < self.size:
            return b""
        mask = (data[2 + width : 6 + width] * (length // 4 + 1))[:length]
        plain = int.from_bytes(data[6 + width : self.size], "big") ^ int.from_bytes(mask, "big")
        return head + plain.to_bytes(length, "big")


async def serve(port: int, size: int, *certificate: str) -> None:
    """Serve until the process is told to stop."""
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)
    server = await asyncio.get_running_loop().create_server(lambda: Floor(size), "127.0.0.1", port, ssl=context)
    await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[2] == "uvloop":
        asyncio.set_event_loop_policy(import_module("uvloop").EventLoopPolicy())
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[3]), *sys.argv[4:]))
