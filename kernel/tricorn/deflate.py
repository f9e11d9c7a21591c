"""permessage-deflate (RFC 7692): the answer to a client's offers, and inflating that never runs past a limit.

WebSocket plugins share it, so that a bad offer is declined by all of them alike. Windows are kept at 12 bits where the
client lets us choose: a quarter of the memory of zlib's default on every idle connection, for a few percent of size.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

__all__ = ["PART", "Deflate", "Deflater", "Inflater", "negotiate"]

TAIL = b"\x00\x00\xff\xff"
"""What a sender removes from the end of a message and a receiver puts back (RFC 7692 section 7.2.2)."""

PART = 131072
"""Bytes deflated at once: a larger message is deflated in parts, which takes milliseconds for each."""
WINDOW_BITS = 12
_PARAMETER = re.compile(rb'([a-z_]+)(?:[ \t]*=[ \t]*("?)([0-9]{1,2})\2)?')
_BITS = {str(bits).encode(): bits for bits in range(8, 16)}


class Deflate(NamedTuple):
    """What was agreed. `header` is the value of the response's Sec-WebSocket-Extensions."""

    server_no_context_takeover: bool
    client_no_context_takeover: bool
    server_max_window_bits: int
    client_max_window_bits: int
    header: bytes


def negotiate(offers: Sequence[bytes]) -> Deflate | None:
    """Answer the values of the request's Sec-WebSocket-Extensions: the first offer that can be met, or None.

    An offer with an unknown, doubled or malformed parameter is declined (RFC 7692 section 7.1), never an error.
    """
    for offer in b",".join(offers).split(b","):
        name, *parameters = offer.split(b";")
        if name.strip(b" \t").lower() == b"permessage-deflate":
            agreed = _agree(parameters)
            if agreed is not None:
                return agreed
    return None


def _agree(parameters: list[bytes]) -> Deflate | None:
    asked: dict[bytes, bytes | None] = {}
    for parameter in parameters:
        match = _PARAMETER.fullmatch(parameter.strip(b" \t"))
        if match is None or match[1] in asked:
            return None
        asked[match[1]] = match[3]
    server_alone = b"server_no_context_takeover" in asked
    client_alone = b"client_no_context_takeover" in asked
    if asked.pop(b"server_no_context_takeover", None) or asked.pop(b"client_no_context_takeover", None):
        return None  # These two take no value.
    header = b"permessage-deflate"
    server_bits, client_bits = WINDOW_BITS, 15
    if b"server_max_window_bits" in asked:
        server_bits = min(server_bits, _BITS.get(asked.pop(b"server_max_window_bits") or b"", 0))
        if server_bits < 9:
            return None  # zlib cannot compress with a window of 8 bits.
    if b"client_max_window_bits" in asked:
        value = asked.pop(b"client_max_window_bits")
        client_bits = min(WINDOW_BITS, 15 if value is None else _BITS.get(value, 0))
        if client_bits == 0:
            return None
    if asked:
        return None
    if server_alone:
        header += b"; server_no_context_takeover"
    if client_alone:
        header += b"; client_no_context_takeover"
    header += b"; server_max_window_bits=%d" % server_bits
    if client_bits < 15:
        header += b"; client_max_window_bits=%d" % client_bits
    return Deflate(server_alone, client_alone, server_bits, client_bits, header)


class Deflater:
    """Deflates messages.

    The level is 2 of 9, which takes about half the time of zlib's default and makes a tenth more bytes; the memory
    level is 5 of 9, which every idle connection pays for and a message hardly notices.
    """

    __slots__ = ("_bits", "_keeps", "_stream")

    def __init__(self, bits: int, context_takeover: bool) -> None:
        self._bits = -bits
        self._keeps = context_takeover
        self._stream: zlib._Compress | None = None

    def deflate(self, data: bytes | bytearray | memoryview, final: bool = True) -> bytes:
        """Deflate a message, or a part of one that is not the `final` one."""
        stream = self._stream
        if stream is None:
            stream = self._stream = zlib.compressobj(2, wbits=self._bits, memLevel=5)
        result = stream.compress(data)
        if final:
            result += stream.flush(zlib.Z_SYNC_FLUSH)
            result = result[:-4]
            if not self._keeps:
                self._stream = None
        return result

    def parts(self, data: bytes | bytearray | memoryview) -> Iterator[tuple[bytes, bool]]:
        """Deflate a large message part by part: (deflated bytes, whether they are the last)."""
        with memoryview(data) as view:
            for start in range(0, len(view), PART):
                final = start + PART >= len(view)
                yield self.deflate(view[start : start + PART], final), final


class Inflater:
    """Inflates messages piece by piece, and never produces more than one byte above what it is allowed."""

    __slots__ = ("_bits", "_keeps", "_stream")

    def __init__(self, bits: int, context_takeover: bool) -> None:
        self._bits = -bits
        self._keeps = context_takeover
        self._stream: zlib._Decompress | None = None

    def inflate(self, data: bytes | bytearray, final: bool, limit: int) -> bytes:
        """Inflate one piece; `final` completes the message. More than `limit` bytes in the result mean: too many.

        Raises zlib.error for data that is not deflate.
        """
        stream = self._stream
        if stream is None:
            stream = self._stream = zlib.decompressobj(self._bits)
        result = stream.decompress(data + TAIL if final else data, limit + 1)
        if stream.eof:
            # A block marked as the last one (RFC 7692 section 7.2.3.4) ends the stream that zlib keeps; only the
            # empty block that completes a message may follow it.
            if stream.unused_data not in ((TAIL, b"\x00" + TAIL) if final else (b"", b"\x00")):
                raise zlib.error("data after the last block")
            if final:
                self._stream = None
        if final and not self._keeps:
            self._stream = None
        return result
