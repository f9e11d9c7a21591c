"""The floor: a protocol that answers every read with constant bytes, so nothing in Python can be faster.

It is no HTTP server: it takes every empty line for the end of a request. `python -m benchmarks.floor PORT LOOP`.
"""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module
from typing import cast

ANSWER = b"HTTP/1.1 200 OK\r\nserver: floor\r\ncontent-length: 13\r\ncontent-type: text/plain\r\n\r\nHello, World!"


class Floor(asyncio.Protocol):
    """Answers as many requests as a read holds."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the bound method that every read calls."""
        self.write = cast("asyncio.Transport", transport).write

    def data_received(self, data: bytes) -> None:
        """One answer per request head."""
        self.write(ANSWER * data.count(b"\r\n\r\n"))


async def serve(port: int) -> None:
    """Serve until the process is told to stop."""
    server = await asyncio.get_running_loop().create_server(Floor, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[2] == "uvloop":
        asyncio.set_event_loop_policy(import_module("uvloop").EventLoopPolicy())
    asyncio.run(serve(int(sys.argv[1])))
