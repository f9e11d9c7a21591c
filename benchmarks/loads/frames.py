"""WebSocket frames of a client (RFC 6455 section 5), built once before the clock runs, and a counter of replies."""

from __future__ import annotations

import os
import zlib

TAIL = b"\x00\x00\xff\xff"
"""What permessage-deflate cuts off a flushed block (RFC 7692 section 7.2.1)."""

PING = 0x9


def frame(payload: bytes, opcode: int, compressed: bool = False) -> bytes:
    """One final, masked frame."""
    size = len(payload)
    first = 0x80 | (0x40 if compressed else 0) | opcode
    if size < 126:
        head = bytes([first, 0x80 | size])
    elif size < 65_536:
        head = bytes([first, 0x80 | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([first, 0x80 | 127]) + size.to_bytes(8, "big")
    key = os.urandom(4)
    pad = (key * (size // 4 + 1))[:size]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")
    return head + key + masked.to_bytes(size, "big")


def reply_length(size: int) -> int:
    """The length of an unmasked frame with `size` bytes of payload."""
    return size + (2 if size < 126 else 4 if size < 65_536 else 10)


def text(size: int, number: int) -> bytes:
    """JSON-like text of exactly `size` bytes; texts of different numbers differ throughout."""
    record = b'{"id": %d, "name": "user %d", "score": %d.%d, "active": true}, '
    parts, length, at = [], 0, number
    while length < size:
        at += 97
        parts.append(record % (at, at * 7919 % 10_007, at * 31 % 1009, at % 10))
        length += len(parts[-1])
    return b"".join(parts)[:size]


def deflated(payload: bytes, window_bits: int) -> bytes:
    """The payload as permessage-deflate data that refers to no earlier message.

    Every peer can read it, whether it keeps its window between messages or not, so it can be sent again and again.
    """
    squeeze = zlib.compressobj(wbits=-window_bits)
    return (squeeze.compress(payload) + squeeze.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)


class Counter:
    """Counts messages whose length is not known beforehand, from the heads of their frames."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def count(self, data: bytes) -> int:
        """How many messages have been completed by `data`; pings are not messages."""
        data = self._rest + data
        at, total, found = 0, len(data), 0
        while total - at >= 2:
            size, start = data[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            elif size == 127:
                size, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
            if start + size > total:
                break
            if data[at] & 0x80 and data[at] & 0xF != PING:
                found += 1
            at = start + size
        self._rest = data[at:]
        return found
