"""Frames as bytes (RFC 9113 sections 4 and 6), their numbers, and what ends a stream or the connection."""

from __future__ import annotations

from struct import Struct

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
PRIORITY_UPDATE = 16
"""RFC 9218 section 7.1."""

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
WITH_PRIORITY = 0x20

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED = range(6)
FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM = range(6, 12)

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = range(1, 6)
MAX_HEADER_LIST_SIZE, ENABLE_CONNECT_PROTOCOL, NO_RFC7540_PRIORITIES = 6, 8, 9

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client sends first (RFC 9113 section 3.4)."""
DEFAULT_WINDOW = 65535
"""Octets that either side may send before it has heard of another window (RFC 9113 section 6.9.2)."""
LARGEST_WINDOW = (1 << 31) - 1
FRAME_LIMIT = 16384
"""Octets in a frame that we take, and send: the least that everybody takes, and more gains nothing."""
HEADER_SIZE = 9

_HEADER = Struct(">IBI")
_SETTING = Struct(">HI")
read_header = Struct(">HBBBI").unpack_from
"""(length // 256, length % 256, type, flags, stream identifier with the reserved bit) of the frame at an offset."""
read_settings = _SETTING.iter_unpack


class ConnectionFault(Exception):
    """The connection ends with GOAWAY (RFC 9113 section 5.4.1). The reason becomes its debug data."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class StreamFault(Exception):
    """One stream ends with RST_STREAM (RFC 9113 section 5.4.2)."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def frame_header(kind: int, flags: int, stream: int, length: int) -> bytes:
    """The nine octets in front of a payload."""
    return _HEADER.pack(length << 8 | kind, flags, stream)


def headers(stream: int, block: bytes, end: bool) -> bytes:
    """A field block as HEADERS, and CONTINUATION where one frame cannot hold it."""
    flags = END_STREAM if end else 0
    if len(block) <= FRAME_LIMIT:
        return _HEADER.pack(len(block) << 8 | HEADERS, flags | END_HEADERS, stream) + block
    parts = [block[start : start + FRAME_LIMIT] for start in range(0, len(block), FRAME_LIMIT)]
    frames = [frame_header(HEADERS, flags, stream, FRAME_LIMIT) + parts[0]]
    frames += [frame_header(CONTINUATION, 0, stream, FRAME_LIMIT) + part for part in parts[1:-1]]
    frames.append(frame_header(CONTINUATION, END_HEADERS, stream, len(parts[-1])) + parts[-1])
    return b"".join(frames)


def reset(stream: int, code: int) -> bytes:
    """RST_STREAM."""
    return frame_header(RST_STREAM, 0, stream, 4) + code.to_bytes(4, "big")


def settings(*pairs: tuple[int, int]) -> bytes:
    """SETTINGS with identifiers and values."""
    return frame_header(SETTINGS, 0, 0, 6 * len(pairs)) + b"".join(_SETTING.pack(*pair) for pair in pairs)


def ping(payload: bytes, flags: int = 0) -> bytes:
    """PING; the payload has eight octets."""
    return frame_header(PING, flags, 0, 8) + payload


def goaway(last: int, code: int, reason: bytes = b"") -> bytes:
    """GOAWAY; `last` is the highest stream that was or may have been acted upon."""
    return frame_header(GOAWAY, 0, 0, 8 + len(reason)) + last.to_bytes(4, "big") + code.to_bytes(4, "big") + reason


def window_update(stream: int, increment: int) -> bytes:
    """WINDOW_UPDATE of a stream, or of the connection where the stream is 0."""
    return frame_header(WINDOW_UPDATE, 0, stream, 4) + increment.to_bytes(4, "big")


SETTINGS_ACK = frame_header(SETTINGS, ACK, 0, 0)
