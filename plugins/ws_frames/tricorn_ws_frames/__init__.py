"""WebSocket frames read and written in Python without a library's connection, for the tricorn server.

Made for speed: all frames of a read are parsed in one loop, a frame that has arrived is cut out and unmasked once,
and small frames are written with heads made beforehand. Only unmasking is left to C, by the helper of the websockets
library; without it Python's large integers do it, several times slower.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterator, Sequence
from io import BytesIO, StringIO
from struct import Struct
from typing import Any

from tricorn.api import WsCodec, WsProvider, WsSink, hookimpl
from tricorn.closing import read_close
from tricorn.deflate import PART, Deflate, Deflater, Inflater, negotiate
from tricorn_ws_frames.masking import unmask

tricorn_api = 1

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FIN, COMPRESSED, RESERVED = 128, 64, 112
FINAL_TEXT, FINAL_BINARY = FIN | TEXT, FIN | BINARY
MASKED = 128
MASKED_16, MASKED_64 = MASKED | 126, MASKED | 127

LARGE = 4096
"""Bytes of a payload that is unmasked where it lies: below, cutting it out costs less than a view of it."""
LARGE_SENT = 32768
"""Bytes of a payload that is sent behind its head without being copied next to it: below, one piece costs less."""
WORTH_DEFLATING = 64
"""Bytes of a message from which on it is compressed (RFC 7692 section 6 leaves the choice to the sender)."""

_NO_LIMIT = 1 << 62
_utf8 = codecs.getincrementaldecoder("utf-8")
_head_16 = Struct("!BBH").pack
_head_64 = Struct("!BBQ").pack
_HEADS = {first: [bytes((first, size)) for size in range(126)] for first in (FINAL_TEXT, FINAL_BINARY)}


def _head(first: int, size: int) -> bytes:
    if size < 126:
        return bytes((first, size))
    return _head_16(first, 126, size) if size < 65536 else _head_64(first, 127, size)


class _Violation(Exception):
    """A frame that breaks a rule: the code to close with, and why."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class FramesCodec:
    """A `WsCodec`. Between reads it keeps at most one incomplete frame, and what a full application left unread."""

    __slots__ = (
        "_close_sent",
        "_compressed",
        "_decoder",
        "_deflater",
        "_inflater",
        "_limit",
        "_need",
        "_on_message",
        "_parts",
        "_rest",
        "_sink",
        "_size",
        "_stopped",
    )

    def __init__(self, sink: WsSink, limit: int | None, deflate: Deflate | None) -> None:
        self._sink = sink
        self._on_message = sink.on_message
        self._limit = _NO_LIMIT if limit is None else limit
        self._inflater: Inflater | None = None
        self._deflater: Deflater | None = None
        if deflate is not None:
            self._inflater = Inflater(deflate.client_max_window_bits, not deflate.client_no_context_takeover)
            self._deflater = Deflater(deflate.server_max_window_bits, not deflate.server_no_context_takeover)
        self._rest: bytearray | None = None
        self._need = 0
        self._parts: Any = None  # the fragments of the message being received
        self._decoder: codecs.IncrementalDecoder | None = None
        self._compressed = 0
        self._size = 0
        self._close_sent = False
        self._stopped = False

    # --- reading ---------------------------------------------------------------------------------------------------

    @property
    def unfinished(self) -> int:
        """What is kept of a message (`tricorn.api.WsCodec`)."""
        return len(self._rest or b"") + (0 if self._parts is None else self._size)

    def receive(self, data: bytes | bytearray) -> None:
        """Read frames (`tricorn.api.WsCodec`)."""
        rest = self._rest
        if rest is not None:
            rest += data
            if len(rest) < self._need:
                return
            data = rest
            self._rest = None
        elif self._stopped:
            return
        try:
            self._read(data)
        except _Violation as violation:
            self._fail(violation.code, str(violation))
        except UnicodeDecodeError:
            self._fail(1007, "invalid UTF-8")
        except zlib.error:
            self._fail(1002, "invalid compressed data")

    def _read(self, data: bytes | bytearray) -> None:
        """Read all complete frames, and keep what is left."""
        on_message = self._on_message
        limit = self._limit
        at, stop = 0, len(data)
        while stop - at > 5:
            first = data[at]
            size = data[at + 1]
            if MASKED <= size < MASKED_16:
                size -= MASKED
                start = at + 6
            elif size == MASKED_16 and stop - at > 7:
                size = data[at + 2] << 8 | data[at + 3]
                start = at + 8
                if size < 126:
                    raise _Violation(1002, "a length not in its shortest form")
            elif size == MASKED_64 and stop - at > 13:
                size = int.from_bytes(data[at + 2 : at + 10], "big")
                start = at + 14
                if size >> 16 == 0 or size >> 63:
                    raise _Violation(1002, "a length not in its shortest form")
            else:
                break
            end = start + size
            if end > stop:
                break
            plain = (first == FINAL_TEXT or first == FINAL_BINARY) and self._parts is None and size <= limit
            if not plain:
                self._check(first, size)
            payload = unmask(data[start:end] if size < LARGE else memoryview(data)[start:end], data[start - 4 : start])
            at = end
            if plain:
                going = on_message(payload.decode() if first == FINAL_TEXT else payload)
            else:
                going = self._take(first, payload)
            if not going:
                if at < stop and not self._stopped:
                    self._rest = bytearray(memoryview(data)[at:])
                    self._need = 0
                return
        if at < stop:
            self._keep(data, at)

    def _keep(self, data: bytes | bytearray, at: int) -> None:
        """Keep an incomplete frame. What is wrong with its head is refused now: the rest may never come."""
        rest = bytearray(memoryview(data)[at:])
        have = len(rest)
        need = 2
        if have > 1:
            size = rest[1] & 127
            if not rest[1] & MASKED:
                raise _Violation(1002, "a frame without a mask")
            width = 0 if size < 126 else 2 if size == 126 else 8
            need = 6 + width
            if width == 0 or rest[0] & 8 or have < 2 + width:
                self._check(rest[0], size)
            else:
                size = int.from_bytes(rest[2 : 2 + width], "big")
                if size < 126 or (width == 8 and (size >> 16 == 0 or size >> 63)):
                    raise _Violation(1002, "a length not in its shortest form")
                self._check(rest[0], size)
            if width == 0 or have >= 2 + width:
                need += size
        self._rest = rest
        self._need = need

    def _check(self, first: int, size: int) -> None:
        """Refuse what the head of a frame must not be (RFC 6455 section 5.2)."""
        opcode = first & 15
        reserved = first & RESERVED
        if opcode >= CLOSE:
            if opcode > PONG:
                raise _Violation(1002, "an unknown opcode")
            if reserved:
                raise _Violation(1002, "a reserved bit")
            if first < FIN or size > 125:
                raise _Violation(1002, "a control frame that is fragmented or too long")
            return
        if opcode > BINARY:
            raise _Violation(1002, "an unknown opcode")
        if reserved and (reserved != COMPRESSED or opcode == CONT or self._inflater is None):
            raise _Violation(1002, "a reserved bit")
        if (opcode == CONT) != (self._parts is not None):
            raise _Violation(1002, "a continuation of nothing, or none where one is due")
        if size > (self._limit - self._size if opcode == CONT else self._limit):
            raise _Violation(1009, "message too big")

    def _take(self, first: int, payload: bytes) -> bool:
        """Handle a frame that is not a whole message as it stands; False to stop."""
        opcode = first & 15
        if opcode >= CLOSE:
            return self._control(opcode, payload)
        final = first >= FIN
        if opcode != CONT:
            self._size = 0
            self._compressed = first & COMPRESSED
        if self._compressed and self._inflater is not None:
            left = self._limit - self._size
            payload = self._inflater.inflate(payload, final, left)
            if len(payload) > left:
                raise _Violation(1009, "message too big")
        if opcode != CONT:
            if final:
                return self._on_message(payload.decode() if opcode == TEXT else payload)
            # A list would keep an object for each of millions of fragments.
            self._parts = StringIO() if opcode == TEXT else BytesIO()
            self._decoder = _utf8() if opcode == TEXT else None
        self._size += len(payload)
        self._parts.write(payload if self._decoder is None else self._decoder.decode(payload, final))
        if not final:
            return True
        parts, self._parts = self._parts, None
        return self._on_message(parts.getvalue())

    def _control(self, opcode: int, payload: bytes) -> bool:
        if opcode == PING:
            self._sink.on_ping(bytes((FIN | PONG, len(payload))) + payload)
        elif opcode == PONG:
            self._sink.on_pong(payload)
        else:
            try:
                code, reason = read_close(payload)
            except UnicodeDecodeError:
                raise
            except ValueError as error:
                raise _Violation(1002, str(error)) from None
            self._stopped = True
            self._sink.on_close(code, reason, self.close(code, reason))
        return not self._stopped

    def _fail(self, code: int, reason: str) -> None:
        self._stopped = True
        self._rest = self._parts = None
        self._sink.on_close(code, reason, self.close(code, reason))

    # --- writing ---------------------------------------------------------------------------------------------------

    def send(self, data: str | bytes) -> bytes | tuple[bytes, bytes] | Iterator[bytes]:
        """One message in one frame, or a large one that is compressed in fragments."""
        if type(data) is str:
            first = FINAL_TEXT
            payload = data.encode()
        else:
            first = FINAL_BINARY
            payload = data  # type: ignore[assignment]
        size = len(payload)
        if self._deflater is not None and size >= WORTH_DEFLATING:
            if size > PART:
                return self._fragments(first & ~FIN | COMPRESSED, payload)
            payload = self._deflater.deflate(payload)
            return _head(first | COMPRESSED, len(payload)) + payload
        if size < 126:
            return _HEADS[first][size] + payload
        if size < LARGE_SENT or type(payload) is not bytes:
            return _head(first, size) + payload
        return _head(first, size), payload

    def _fragments(self, first: int, payload: bytes) -> Iterator[bytes]:
        assert self._deflater is not None
        for part, final in self._deflater.parts(payload):
            yield _head(first | FIN if final else first, len(part)) + part
            first = CONT

    def ping(self, payload: bytes) -> bytes:
        """A ping frame."""
        return bytes((FIN | PING, len(payload))) + payload

    def close(self, code: int, reason: str) -> bytes:
        """A close frame, once."""
        if self._close_sent:
            return b""
        self._close_sent = True
        payload = b"" if code == 1005 else code.to_bytes(2, "big") + reason.encode()
        return bytes((FIN | CLOSE, len(payload))) + payload


_: type[WsCodec] = FramesCodec


def _codec(sink: WsSink, settings: Any, offers: Sequence[bytes]) -> tuple[WsCodec, bytes | None]:
    agreed = negotiate(offers) if settings.ws_per_message_deflate else None
    return FramesCodec(sink, settings.ws_max_size, agreed), None if agreed is None else agreed.header


@hookimpl
def tricorn_ws() -> WsProvider:
    """The codec, for the kernel's WebSocket session."""
    return WsProvider(codec=_codec)
