"""A connection without sockets: the transport that a server's protocol object gets, and a loop whose clock can be set.

What a client does reaches the protocol object at once, within the call; what the loop of a real server would do in a
later turn (resuming, closing) happens in a later turn here as well. Nothing waits for time to pass: deadlines are
reached by moving the clock.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

__all__ = ["CLIENT", "SERVER", "MemoryLoop", "MemoryTransport"]

CLIENT = ("192.0.2.1", 50000)
SERVER = ("192.0.2.2", 8000)
"""The two addresses of a connection (RFC 5737: documentation only)."""

HIGH_WATER = 65536
"""Bytes of unsent data above which a transport asks its protocol to pause; asyncio's default."""


class MemoryLoop(asyncio.SelectorEventLoop):
    """An event loop with a clock that can be moved forward."""

    def __init__(self) -> None:
        super().__init__()
        self._moved = 0.0

    def time(self) -> float:
        """The loop's clock, in seconds, with what it was moved by."""
        return super().time() + self._moved

    def real_time(self) -> float:
        """The clock that nobody moves."""
        return super().time()

    def advance(self, seconds: float) -> None:
        """Move the clock: what is due until then is called in the next turn."""
        self._moved += seconds


class _Socket:
    """What the kernel does to the socket of a transport: to make closing reset the connection."""

    family = socket.AF_INET
    reset = False

    def fileno(self) -> int:
        return -1

    def setsockopt(self, level: int, name: int, value: bytes) -> None:
        self.reset = self.reset or (level, name) == (socket.SOL_SOCKET, socket.SO_LINGER)


class MemoryTransport(asyncio.Transport):
    """The server's transport of a connection in memory. Methods whose names begin with `client_` are the other end's.

    on_data: called with the bytes that reach the client. on_end: called once, when nothing more will; its argument
    tells whether the connection was reset rather than closed.
    size, most: bytes that the client's unsent requests and the server's unsent answers take now, and took at most.
    """

    def __init__(
        self,
        on_data: Callable[[bytes], None],
        on_end: Callable[[bool], None],
        *,
        client: Any = CLIENT,
        server: Any = SERVER,
        secure: bool = False,
    ) -> None:
        self._socket = _Socket()
        ssl_object = object() if secure else None
        super().__init__({"peername": client, "sockname": server, "socket": self._socket, "ssl_object": ssl_object})
        self._loop = asyncio.get_running_loop()
        self._on_data = on_data
        self._on_end = on_end
        self._secure = secure
        self._unread: deque[bytes | None] = deque()  # None stands for the end of input
        self._unsent = bytearray()
        self._reading = True
        self._client_reads = True
        self._paused = False
        self._closing = False
        self._eof = False
        self._ended = False
        self._lost = False
        self.most = 0

    def connect(self, protocol: asyncio.BaseProtocol) -> None:
        """The server accepts the connection."""
        self._protocol: Any = protocol
        protocol.connection_made(self)

    # --- the client's end -----------------------------------------------------------------------------------------

    def client_send(self, data: bytes) -> None:
        """Send bytes; they wait while the server does not read, and are lost when it has closed."""
        self._arrive(data)

    def client_eof(self) -> None:
        """Close the client's sending side."""
        self._arrive(None)

    def client_reset(self) -> None:
        """The connection breaks, and the server's system notices at once."""
        self._closing = True
        self._unread.clear()
        self._unsent.clear()
        self._lose(ConnectionResetError(104, "Connection reset by peer"))

    def client_pause(self) -> None:
        """Take nothing more: what the server writes stays with it."""
        self._client_reads = False

    def client_take(self, limit: int | None = None) -> None:
        """Take what the server has written, or at most so many bytes of it; without a limit, go on taking."""
        if limit is None:
            self._client_reads = True
        size = len(self._unsent) if limit is None else limit
        data = bytes(self._unsent[:size])
        del self._unsent[:size]
        if data:
            self._on_data(data)
        if self._paused and len(self._unsent) <= HIGH_WATER // 4:
            self._paused = False
            self._protocol.resume_writing()
        self._flushed()

    @property
    def client_unsent(self) -> int:
        """Bytes that the client has sent and the server does not read."""
        return sum(len(data) for data in self._unread if data is not None)

    def _arrive(self, data: bytes | None) -> None:
        if self._closing or self._lost:
            return
        if self._unread or not self._reading:
            self._unread.append(data)
        else:
            self._deliver(data)

    def _deliver(self, data: bytes | None) -> None:
        if data is not None:
            self._protocol.data_received(data)
        elif not self._protocol.eof_received():
            self.close()

    def _deliver_next(self) -> None:
        if self._unread and self._reading and not self._closing:
            self._deliver(self._unread.popleft())
            if self._unread:
                self._loop.call_soon(self._deliver_next)

    # --- the server's end: asyncio.Transport ----------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send to the client, which gets it at once unless it has stopped reading."""
        assert not self._eof, "written after write_eof()"
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"a transport takes bytes, not {type(data).__name__}")
        if self._lost:
            raise RuntimeError("written to a lost connection, which uvloop does not take")
        if self._closing or not data:
            return
        if self._client_reads:
            self._on_data(bytes(data))
            return
        self._unsent += data
        self.most = max(self.most, len(self._unsent))
        if len(self._unsent) > HIGH_WATER and not self._paused:
            self._paused = True
            self._protocol.pause_writing()

    def can_write_eof(self) -> bool:
        """As with sockets: not under TLS."""
        return not self._secure

    def write_eof(self) -> None:
        """End the server's side behind what was written."""
        self._eof = True
        self._flushed()

    def close(self) -> None:
        """Close behind what was written."""
        if not self._closing:
            self._closing = True
            self._unread.clear()
            self._flushed()

    def abort(self) -> None:
        """Close at once; what the client has not taken is dropped."""
        self._closing = True
        self._unread.clear()
        self._unsent.clear()
        self._loop.call_soon(self._lose, None)

    def is_closing(self) -> bool:
        """Whether `close` or `abort` was called, or the connection is lost."""
        return self._closing

    def is_reading(self) -> bool:
        """Whether bytes of the client are delivered."""
        return self._reading and not self._closing

    def pause_reading(self) -> None:
        """Let what the client sends wait."""
        self._reading = False

    def resume_reading(self) -> None:
        """Deliver again, from the next turn of the loop on."""
        if not self._reading:
            self._reading = True
            self._loop.call_soon(self._deliver_next)

    def get_write_buffer_size(self) -> int:
        """Bytes written that the client has not taken."""
        return len(self._unsent)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the connection to another protocol object."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The protocol object."""
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def _flushed(self) -> None:
        if self._unsent:
            return
        if self._eof or self._closing:
            self._end(reset=False)
        if self._closing:
            self._loop.call_soon(self._lose, None)

    def _end(self, reset: bool) -> None:
        if not self._ended:
            self._ended = True
            self._on_end(reset or self._socket.reset)

    def _lose(self, error: Exception | None) -> None:
        if not self._lost:
            self._lost = True
            self._end(error is not None)
            self._protocol.connection_lost(error)
