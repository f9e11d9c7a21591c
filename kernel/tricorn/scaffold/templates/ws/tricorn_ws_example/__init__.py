"""WebSocket frames (RFC 6455) read and written in Python, compressed by the kernel's permessage-deflate (RFC 7692)."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Sequence
from typing import Any

from tricorn.api import WsCodec, WsProvider, WsSink, hookimpl
from tricorn.closing import read_close
from tricorn.deflate import Deflate, Deflater, Inflater, negotiate

tricorn_api = 1

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
_COMPRESSED = 0x40
"""The bit of a message's first frame that marks it as compressed."""


class _Broken(Exception):
    """The peer broke a rule: the close code and the reason that it is told."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class ExampleCodec:
    """A `WsCodec` (see `tricorn.api`). limit: the largest message, in bytes. deflate: the compression agreed on."""

    def __init__(self, sink: WsSink, limit: int, deflate: Deflate | None) -> None:
        self._sink = sink
        self._left = self._limit = limit
        self._buffer = bytearray()
        self._opcode: int | None = None  # of the message whose fragments are arriving
        self._inflating = False  # that message is compressed
        self._parts: list[Any] = []
        self._text = codecs.getincrementaldecoder("utf-8")()
        self._ended = False  # the peer's close frame, or a broken frame, was the last thing read
        self._closed = False  # a close frame has been written
        self._inflater: Inflater | None = None
        self._deflater: Deflater | None = None
        if deflate is not None:
            self._inflater = Inflater(deflate.client_max_window_bits, not deflate.client_no_context_takeover)
            self._deflater = Deflater(deflate.server_max_window_bits, not deflate.server_no_context_takeover)

    # --- reading --------------------------------------------------------------------------------------------------

    @property
    def unfinished(self) -> int:
        """Bytes kept of a message whose end has not arrived."""
        return len(self._buffer) + self._limit - self._left

    def receive(self, data: bytes) -> None:
        """Take bytes and tell the sink of the frames that are complete."""
        if self._ended:
            return
        self._buffer += data
        try:
            while not self._ended and self._read_frame():
                pass
        except _Broken as error:
            self._end(error.code, error.reason)
        if self._ended:
            self._buffer.clear()

    def _read_frame(self) -> bool:
        """Read one frame; False when there is none, or when the sink wants no more for now."""
        buffer = self._buffer
        if len(buffer) < 2:
            return False
        first, opcode = buffer[0], buffer[0] & 0x0F
        self._check_head(buffer[0], buffer[1])
        length, start = buffer[1] & 0x7F, 2
        if length > 125:
            start = 4 if length == 126 else 10
            if len(buffer) < start:
                return False
            least = 126 if length == 126 else 1 << 16
            length = int.from_bytes(buffer[2:start], "big")
            if not least <= length < 1 << 63:
                raise _Broken(1002, "a length in the wrong form")
        if opcode < CLOSE and length > self._left:
            raise _Broken(1009, "message too big")
        end = start + 4 + length
        if len(buffer) < end:
            return False
        payload = _masked(bytes(buffer[start + 4 : end]), bytes(buffer[start : start + 4]))
        del buffer[:end]
        if opcode >= CLOSE:
            self._control(opcode, payload)
            return True
        return self._data(first, payload)

    def _check_head(self, first: int, second: int) -> None:
        opcode = first & 0x0F
        compressed = opcode in (TEXT, BINARY) and self._inflater is not None
        if first & (0x30 if compressed else 0x70):
            raise _Broken(1002, "reserved bits are set")
        if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            raise _Broken(1002, "unknown opcode")
        if not second & 0x80:
            raise _Broken(1002, "a frame without a mask")
        if opcode >= CLOSE and (second & 0x7F > 125 or not first & 0x80):
            raise _Broken(1002, "a control frame that is too long or fragmented")
        if opcode < CLOSE and (opcode == CONTINUATION) != (self._opcode is not None):
            raise _Broken(1002, "a fragment out of place")

    def _data(self, first: int, payload: bytes) -> bool:
        """A frame of a message; False when the sink wants no more for now."""
        final = bool(first & 0x80)
        if first & 0x0F != CONTINUATION:
            self._opcode, self._inflating = first & 0x0F, bool(first & _COMPRESSED)
        if self._inflating:
            payload = self._inflate(payload, final)
        self._left -= len(payload)
        if self._opcode == TEXT:
            try:
                self._parts.append(self._text.decode(payload, final))
            except UnicodeDecodeError:
                raise _Broken(1007, "invalid UTF-8") from None
        elif payload:
            self._parts.append(payload)
        if not final:
            return True
        message = "".join(self._parts) if self._opcode == TEXT else b"".join(self._parts)
        self._opcode, self._left, self._parts = None, self._limit, []
        return self._sink.on_message(message)

    def _inflate(self, payload: bytes, final: bool) -> bytes:
        assert self._inflater is not None
        try:
            payload = self._inflater.inflate(payload, final, self._left)
        except zlib.error:
            raise _Broken(1002, "broken compression") from None
        if len(payload) > self._left:
            raise _Broken(1009, "message too big")
        return payload

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self._sink.on_ping(_frame(PONG, payload))
        elif opcode == PONG:
            self._sink.on_pong(payload)
        else:
            try:
                code, reason = read_close(payload)
            except UnicodeDecodeError:
                raise _Broken(1007, "invalid UTF-8") from None
            except ValueError as error:
                raise _Broken(1002, str(error)) from None
            self._end(code, reason)

    def _end(self, code: int, reason: str) -> None:
        self._ended = True
        self._sink.on_close(code, reason, self.close(code, reason))

    # --- writing --------------------------------------------------------------------------------------------------

    def send(self, data: str | bytes) -> bytes:
        """One message as one frame."""
        opcode, payload = (TEXT, data.encode()) if isinstance(data, str) else (BINARY, bytes(data))
        if self._deflater is None:
            return _frame(opcode, payload)
        return _frame(opcode | _COMPRESSED, self._deflater.deflate(payload))

    def ping(self, payload: bytes) -> bytes:
        """A ping frame."""
        return _frame(PING, payload)

    def close(self, code: int, reason: str) -> bytes:
        """A close frame, once; without a code for 1005."""
        if self._closed:
            return b""
        self._closed = True
        return _frame(CLOSE, b"" if code == 1005 else code.to_bytes(2, "big") + reason.encode())


def _masked(payload: bytes, mask: bytes) -> bytes:
    """The payload with its mask put on or taken off (RFC 6455 section 5.3), as one operation on long integers."""
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")).to_bytes(size, "little")


def _frame(opcode: int, payload: bytes) -> bytes:
    """A final frame of a server, which has no mask."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    if size < 1 << 16:
        return bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big") + payload
    return bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big") + payload


def make(sink: WsSink, settings: Any, offers: Sequence[bytes]) -> tuple[WsCodec, bytes | None]:
    """The codec of one connection, and the answer to the client's offers of extensions."""
    agreed = negotiate(offers) if settings.ws_per_message_deflate else None
    limit = 1 << 62 if settings.ws_max_size is None else settings.ws_max_size
    return ExampleCodec(sink, limit, agreed), None if agreed is None else agreed.header


@hookimpl
def tricorn_ws() -> WsProvider:
    """The codec, for the kernel's WebSocket sessions."""
    return WsProvider(make)
