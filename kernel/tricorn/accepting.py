"""The last connections: those that wait in the system's queue when the server stops accepting.

The client of such a connection has been told that it is connected and may have sent its request. Closing the listening
socket resets it, unless another process holds the socket too. So the queue is emptied right before.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any

TURNS = 3
"""Turns of the loop until the protocol object of an accepted connection knows of it; asyncio takes the most."""

HANDSHAKES = 1.0
"""Seconds that the TLS handshakes of the last connections are waited for."""


async def stop_accepting(
    sockets: Sequence[socket.socket],
    close: Callable[[], None],
    protocol: Callable[[], asyncio.Protocol],
    options: dict[str, Any],
) -> None:
    """Close the listening sockets, by calling `close`, and serve the connections that they have still brought.

    protocol, options: as for `loop.create_server`. The protocol object of every connection is connected on return;
    TLS handshakes may need longer.
    """
    rest = [sock.dup() for sock in sockets if sock.fileno() >= 0]
    close()
    await _turns()
    loop = asyncio.get_running_loop()
    opening = []
    for sock in rest:
        with sock:
            for connection in _waiting(sock):
                task = asyncio.ensure_future(loop.connect_accepted_socket(protocol, connection, **options))
                # A client that is gone by now is nobody's error.
                task.add_done_callback(lambda task: task.cancelled() or task.exception())
                opening.append(task)
    if opening:
        await asyncio.wait(opening, timeout=HANDSHAKES)
    await _turns()


def _waiting(sock: socket.socket) -> Iterator[socket.socket]:
    sock.setblocking(False)
    # Out of descriptors, or the client has left: nobody is served by trying again now.
    with contextlib.suppress(OSError):
        while True:
            yield sock.accept()[0]


async def _turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)
