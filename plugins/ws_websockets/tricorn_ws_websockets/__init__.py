"""WebSocket frames by the websockets library, for the tricorn server.

The library reads, unmasks, checks and writes frames (`websockets.frames`). What lies around that is here: where a frame
ends in the bytes that have arrived, messages made of fragments, the kernel's compression as an extension, and two rules
that the library leaves out: lengths in their shortest form (RFC 6455 section 5.2), and text found bad at the fragment
that is.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Generator, Iterator, Sequence
from io import BytesIO, StringIO
from typing import Any

from tricorn.api import Unavailable, WsCodec, WsProvider, WsSink, hookimpl
from tricorn.deflate import PART, Deflate, Deflater, Inflater, negotiate

try:
    from websockets.exceptions import PayloadTooBig, ProtocolError
    from websockets.extensions import Extension
    from websockets.frames import Close, Frame, Opcode
    from websockets.typing import ExtensionName
except ImportError as error:
    raise Unavailable(f"websockets cannot be imported: {error}") from None

tricorn_api = 1

_TEXT, _BINARY, _CONT = Opcode.TEXT, Opcode.BINARY, Opcode.CONT
_utf8 = codecs.getincrementaldecoder("utf-8")
_NO_LIMIT = 1 << 62


class _TooBig(Exception):
    """A message that inflates beyond the limit."""


class _Deflate(Extension):
    """The kernel's compression, as an extension of the library."""

    name = ExtensionName("permessage-deflate")

    def __init__(self, deflate: Deflate) -> None:
        self._inflater = Inflater(deflate.client_max_window_bits, not deflate.client_no_context_takeover)
        self._deflater = Deflater(deflate.server_max_window_bits, not deflate.server_no_context_takeover)
        self._inflates = False

    def decode(self, frame: Frame, *, max_size: int | None = None) -> Frame:
        """A frame of the peer; the limit of a data frame is what is left of the message's."""
        opcode = frame.opcode
        if opcode is _TEXT or opcode is _BINARY:
            self._inflates = frame.rsv1
        elif opcode is not _CONT or frame.rsv1:
            return frame
        if not self._inflates or max_size is None:
            return frame
        data = self._inflater.inflate(bytes(frame.data), frame.fin, max_size)
        if len(data) > max_size:
            raise _TooBig
        return Frame(opcode, data, frame.fin, False, frame.rsv2, frame.rsv3)

    def encode(self, frame: Frame) -> Frame:
        """A frame of ours."""
        if frame.opcode & 8:
            return frame
        data = self._deflater.deflate(frame.data, frame.fin)
        return Frame(frame.opcode, data, frame.fin, frame.opcode != _CONT)


class WebsocketsCodec:
    """A `WsCodec`. Bytes wait in `_data` from `_at` on until a whole frame is there; then the library parses it."""

    __slots__ = (
        "_at",
        "_close_sent",
        "_data",
        "_decoder",
        "_extensions",
        "_limit",
        "_need",
        "_parts",
        "_rest",
        "_sink",
        "_size",
        "_stopped",
    )

    def __init__(self, sink: WsSink, limit: int | None, extensions: list[Extension]) -> None:
        self._sink = sink
        self._limit = _NO_LIMIT if limit is None else limit
        self._extensions = extensions
        self._data = b""
        self._at = 0
        self._rest = bytearray()  # an incomplete frame, collected without copying it at every read
        self._need = 0
        self._parts: Any = None  # the fragments of the message being received
        self._size = 0
        self._decoder: codecs.IncrementalDecoder | None = None
        self._close_sent = False
        self._stopped = False

    @property
    def unfinished(self) -> int:
        """What is kept of a message (`tricorn.api.WsCodec`)."""
        return len(self._rest) + self._size

    def receive(self, data: bytes) -> None:
        """Read frames (`tricorn.api.WsCodec`)."""
        if self._stopped:
            return
        if self._rest:
            self._rest += data
            if len(self._rest) < self._need:
                return
            self._data, self._at = bytes(self._rest), 0
            self._rest.clear()
        elif self._at < len(self._data):
            self._data, self._at = self._data[self._at :] + data if data else self._data, 0 if data else self._at
        else:
            self._data, self._at = data, 0
        try:
            while self._complete():
                parser = self._parse()
                try:
                    next(parser)
                except StopIteration as done:
                    if not self._take(done.value):
                        return
        except ProtocolError as error:
            self._fail(1002, str(error))
        except UnicodeDecodeError:
            self._fail(1007, "invalid UTF-8")
        except zlib.error:
            self._fail(1002, "invalid compressed data")
        except (PayloadTooBig, _TooBig):
            self._fail(1009, "message too big")

    def _parse(self) -> Generator[None, None, Frame]:
        # The limit is on messages: a control frame inside a message as large as allowed is no part of it.
        limit = None if self._data[self._at] & 8 else self._limit - self._size
        return Frame.parse(self._read, mask=True, max_size=limit, extensions=self._extensions)

    def _read(self, size: int) -> Generator[None, None, bytes]:
        at = self._at
        self._at = stop = at + size
        if stop > len(self._data):
            yield
        return self._data[at:stop]

    def _complete(self) -> bool:
        """Whether a whole frame has arrived. Raises for a length that is not in its shortest form, or too large."""
        data, at = self._data, self._at
        left = len(data) - at
        if left < 2:
            return left > 0 and self._keep(2)
        size = data[at + 1] & 127
        if size < 126:
            need = size + 6
        else:
            width = 2 if size == 126 else 8
            if data[at] & 8:
                raise ProtocolError("control frame too long")
            if left < 2 + width:
                return self._keep(2 + width)
            size = int.from_bytes(data[at + 2 : at + 2 + width], "big")
            if size < 126 or (width == 8 and not 65536 <= size < 1 << 63):
                raise ProtocolError("invalid payload length")
            need = size + width + 6
        if left < need or size > self._limit - self._size:
            self._check_head(data[at])
        if left < need:
            # What is wrong with the head, or too large, is refused now: the rest may never come.
            next(self._parse())
            self._at = at
            return self._keep(need)
        return True

    def _check_head(self, first: int) -> None:
        """What the library looks at later, when the payload is there."""
        reserved, opcode = first & 0x70, first & 15
        if reserved and (reserved != 0x40 or not self._extensions or opcode not in (_TEXT, _BINARY)):
            raise ProtocolError("reserved bits must be 0")
        if opcode < 8 and (opcode == _CONT) == (self._parts is None):
            raise ProtocolError("unexpected or missing continuation frame")

    def _keep(self, need: int) -> bool:
        """Wait until there are `need` bytes; False, for `_complete`."""
        self._rest += self._data[self._at :]
        self._data, self._at = b"", 0
        self._need = need
        return False

    def _take(self, frame: Frame) -> bool:
        """Handle one frame; False to stop."""
        opcode = frame.opcode
        if opcode is _TEXT or opcode is _BINARY:
            if self._parts is not None:
                raise ProtocolError("expected a continuation frame")
            if frame.fin:
                return self._sink.on_message(str(frame.data, "utf-8") if opcode is _TEXT else bytes(frame.data))
            # A list would keep an object for each of millions of fragments.
            self._parts = StringIO() if opcode is _TEXT else BytesIO()
            self._decoder = _utf8() if opcode is _TEXT else None
            self._add(frame)
        elif opcode is _CONT:
            if self._parts is None:
                raise ProtocolError("unexpected continuation frame")
            self._add(frame)
            if frame.fin:
                parts, self._parts, self._size = self._parts, None, 0
                return self._sink.on_message(parts.getvalue())
        elif opcode is Opcode.PING:
            self._sink.on_ping(Frame(Opcode.PONG, frame.data).serialize(mask=False))
        elif opcode is Opcode.PONG:
            self._sink.on_pong(bytes(frame.data))
        else:
            close = Close.parse(frame.data)
            self._stopped = True
            reply = b"" if self._close_sent else Frame(Opcode.CLOSE, frame.data).serialize(mask=False)
            self._close_sent = True
            self._sink.on_close(int(close.code), close.reason, reply)
            return False
        return True

    def _add(self, frame: Frame) -> None:
        self._size += len(frame.data)
        self._parts.write(frame.data if self._decoder is None else self._decoder.decode(frame.data, frame.fin))

    def _fail(self, code: int, reason: str) -> None:
        self._stopped = True
        self._data, self._at, self._parts = b"", 0, None
        self._rest.clear()
        self._sink.on_close(code, reason, self.close(code, reason))

    def send(self, data: str | bytes) -> bytes | Iterator[bytes]:
        """One message in one frame, or a large one that is compressed in fragments."""
        opcode = _BINARY
        if isinstance(data, str):
            opcode = _TEXT
            data = data.encode()
        if self._extensions and len(data) > PART:
            return self._fragments(opcode, data)
        return Frame(opcode, data).serialize(mask=False, extensions=self._extensions)

    def _fragments(self, opcode: Opcode, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), PART):
            frame = Frame(opcode, data[start : start + PART], start + PART >= len(data))
            yield frame.serialize(mask=False, extensions=self._extensions)
            opcode = _CONT

    def ping(self, payload: bytes) -> bytes:
        """A ping frame."""
        return Frame(Opcode.PING, payload).serialize(mask=False)

    def close(self, code: int, reason: str) -> bytes:
        """A close frame, once."""
        if self._close_sent:
            return b""
        self._close_sent = True
        payload = b"" if code == 1005 else Close(code, reason).serialize()
        return Frame(Opcode.CLOSE, payload).serialize(mask=False)


_: type[WsCodec] = WebsocketsCodec


def _codec(sink: WsSink, settings: Any, offers: Sequence[bytes]) -> tuple[WsCodec, bytes | None]:
    agreed = negotiate(offers) if settings.ws_per_message_deflate else None
    if agreed is None:
        return WebsocketsCodec(sink, settings.ws_max_size, []), None
    return WebsocketsCodec(sink, settings.ws_max_size, [_Deflate(agreed)]), agreed.header


@hookimpl
def tricorn_ws() -> WsProvider:
    """The codec, for the kernel's WebSocket session."""
    return WsProvider(codec=_codec)
