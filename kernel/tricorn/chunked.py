"""Chunked bodies, as requests bring them (RFC 9112 section 7.1): the strict reading, one for all codecs."""

from __future__ import annotations

import re

from tricorn.api import Refusal

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED = rb'"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"'
_SIZE = re.compile(rb"([0-9A-Fa-f]+)(?:;" + _TOKEN + rb"(?:=(?:" + _TOKEN + rb"|" + _QUOTED + rb"))?)*")
_TRAILER = re.compile(_TOKEN + rb":[\t\x20-\x7e\x80-\xff]*")

SIZE_LINE_LIMIT = 4096
"""Bytes of a chunk's size line: room for extensions, which nothing reads, and no more."""
TRAILER_LIMIT = 16384
"""Bytes of the whole trailer section."""

_sizes: dict[bytes, int] = {}
"""Short size lines that were found valid, and their sizes."""
_SIZES_LIMIT = 1024

_SIZE_LINE, _DATA, _DATA_END, _TRAILERS, _DONE = range(5)


class ChunkedReader:
    """Unframes one chunked body.

    States: a size line, then as much data, then its CRLF, and again; after a size of zero, trailer lines up to the
    empty one. Only `read` moves from one to the next. Trailers are validated and dropped: merged into the head they
    would let a client say what a proxy in front had forbidden it to.
    """

    __slots__ = ("_left", "_partial", "_state", "_trailers")

    def __init__(self) -> None:
        self._state = _SIZE_LINE
        self._left = 0
        self._partial = b""
        self._trailers = 0

    def read(self, data: bytes, position: int) -> tuple[bytes, int]:
        """Take bytes from `position`; return the body bytes among them, and where the message ends or -1.

        Raises Refusal (400, 431) at the first byte that is not strict framing.
        """
        if self._partial:
            data = self._partial + data[position:]
            taken = len(self._partial)
            shift, position, self._partial = position - taken, 0, b""
        else:
            shift = 0
        pieces: list[bytes] = []
        size = len(data)
        while position < size:
            state = self._state
            if state == _DATA:
                stop = position + self._left
                if stop > size:
                    pieces.append(data[position:])
                    self._left = stop - size
                    break
                pieces.append(data[position:stop])
                position = stop
                self._state = _DATA_END
                continue
            end = data.find(b"\r\n", position)
            if end < 0:
                self._keep_partial(data[position:])
                break
            line = data[position:end]
            position = end + 2
            if state == _SIZE_LINE and line in _sizes:
                # Chunks that are here as a whole, however small, must not cost much: a client chooses their number.
                stop = position + _sizes[line]
                if stop < size and data.startswith(b"\r\n", stop):
                    pieces.append(data[position:stop])
                    position = stop + 2
                    continue
            self._line(line)
            if self._state == _DONE:
                return b"".join(pieces), position + shift
        return (pieces[0] if len(pieces) == 1 else b"".join(pieces)), -1

    def _line(self, line: bytes) -> None:
        state = self._state
        if state == _SIZE_LINE:
            match = _SIZE.fullmatch(line) if len(line) <= SIZE_LINE_LIMIT else None
            if match is None:
                raise Refusal(400, "invalid chunk size")
            digits = match[1].lstrip(b"0")
            if len(digits) > 16 or (left := int(digits or b"0", 16)) >= 1 << 63:
                raise Refusal(400, "chunk size out of range")
            self._left = left
            self._state = _DATA if left else _TRAILERS
            if left and len(line) <= 8:
                if len(_sizes) >= _SIZES_LIMIT:
                    _sizes.clear()
                _sizes[line] = left
        elif state == _DATA_END:
            if line:
                raise Refusal(400, "chunk data longer than its size")
            self._state = _SIZE_LINE
        elif not line:
            self._state = _DONE
        else:
            self._trailers += len(line) + 2
            if self._trailers > TRAILER_LIMIT:
                raise Refusal(431, "trailer section too large")
            if _TRAILER.fullmatch(line) is None:
                raise Refusal(400, "invalid trailer field")

    def _keep_partial(self, partial: bytes) -> None:
        """Keep the beginning of a line until its end arrives; refuse at once what cannot become one."""
        if self._state == _DATA_END and partial != b"\r":
            raise Refusal(400, "chunk data longer than its size")
        if self._state == _TRAILERS and partial != b"\r" and self._trailers + len(partial) > TRAILER_LIMIT:
            raise Refusal(431, "trailer section too large")
        if self._state == _SIZE_LINE and len(partial) > SIZE_LINE_LIMIT + partial.endswith(b"\r"):
            raise Refusal(400, "chunk size line too long")
        if b"\n" in partial or b"\r" in partial[:-1]:
            raise Refusal(400, "a bare CR or LF in chunked framing")
        self._partial = partial
