"""WebSocket frames by wsproto, for the tricorn server.

wsproto's decoders read and check frames and put text together; its protocol object writes frames. Compression is the
kernel's, as an extension of wsproto, which is also where a message's size is watched: wsproto has no limit of its own.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from io import BytesIO, StringIO
from typing import Any

from tricorn.api import Unavailable, WsCodec, WsProvider, WsSink, hookimpl
from tricorn.closing import read_close
from tricorn.deflate import PART, Deflate, Deflater, Inflater, negotiate

try:
    from wsproto.extensions import Extension
    from wsproto.frame_protocol import (
        CloseReason,
        Frame,
        FrameDecoder,
        FrameProtocol,
        MessageDecoder,
        Opcode,
        ParseFailed,
        RsvBits,
    )
except ImportError as error:
    raise Unavailable(f"wsproto cannot be imported: {error}") from None

tricorn_api = 1

_NO_LIMIT = 1 << 62
_PLAIN, _COMPRESSED = RsvBits(False, False, False), RsvBits(True, False, False)


class _Frames(FrameDecoder):
    """The library's decoder, which refuses by the head alone also a frame out of order, or above the limit."""

    def __init__(self, limit: int, extensions: list[Extension]) -> None:
        super().__init__(client=False, extensions=extensions)
        self.limit = self.left = limit
        self.messages = MessageDecoder()

    def parse_header(self) -> bool:
        """Called by the library; true when a head has been read."""
        if not super().parse_header():
            return False
        assert self.header is not None
        opcode = self.header.opcode
        if opcode < 8:
            if (opcode is Opcode.CONTINUATION) == (self.messages.opcode is None):
                raise ParseFailed("unexpected or missing continuation frame")
            if opcode is not Opcode.CONTINUATION:
                self.left = self.limit
            if self.header.payload_len > self.left:
                raise ParseFailed("message too big", CloseReason.MESSAGE_TOO_BIG)
        return True


class _Deflate(Extension):
    """The kernel's compression; inflates no more than the limit allows. kept: the pieces of an incomplete frame."""

    def __init__(self, deflate: Deflate) -> None:
        self._control = self._inflates = False
        self.kept = bytearray()
        self._inflater = Inflater(deflate.client_max_window_bits, not deflate.client_no_context_takeover)
        self._deflater = Deflater(deflate.server_max_window_bits, not deflate.server_no_context_takeover)

    def offer(self) -> bool:
        """Called on a client's side only."""
        return False

    def enabled(self) -> bool:
        """It has been negotiated."""
        return True

    def frame_inbound_header(self, proto: Any, opcode: Opcode, rsv: RsvBits, payload_length: int) -> RsvBits:
        """The head of a frame: which reserved bits it may have."""
        self._control = opcode >= 8
        if self._control or opcode is Opcode.CONTINUATION:
            return _PLAIN
        self._inflates = rsv.rsv1
        return _COMPRESSED

    def frame_inbound_payload_data(self, proto: Any, data: bytes) -> Any:
        """A piece of a frame's payload, kept until the frame is complete.

        Which of several faults of a frame is found first would depend on where its pieces were cut.
        """
        if self._control or not self._inflates:
            return data
        self.kept += data
        return b""

    def frame_inbound_complete(self, proto: Any, fin: bool) -> Any:
        """The end of a frame."""
        if self._control or not self._inflates:
            return None
        payload, self.kept = self.kept, bytearray()
        return self._inflate(proto, payload, fin)

    def _inflate(self, frames: _Frames, payload: bytearray, final: bool) -> Any:
        try:
            data = self._inflater.inflate(payload, final, frames.left)
        except zlib.error:
            return CloseReason.PROTOCOL_ERROR
        return data if len(data) <= frames.left else CloseReason.MESSAGE_TOO_BIG

    def frame_outbound(self, proto: Any, opcode: Opcode, rsv: RsvBits, data: bytes, fin: bool) -> tuple[RsvBits, bytes]:
        """A frame to be sent."""
        if opcode >= 8:
            return rsv, data
        return (rsv if opcode is Opcode.CONTINUATION else _COMPRESSED), self._deflater.deflate(data, fin)


class WsprotoCodec:
    """A `WsCodec`."""

    __slots__ = ("_close_sent", "_frames", "_parts", "_sink", "_stopped", "_writer")

    def __init__(self, sink: WsSink, limit: int | None, deflate: Deflate | None) -> None:
        self._sink = sink
        extensions: list[Extension] = [] if deflate is None else [_Deflate(deflate)]
        self._frames = _Frames(_NO_LIMIT if limit is None else limit, extensions)
        self._writer = FrameProtocol(client=False, extensions=extensions)
        self._parts: Any = None
        self._close_sent = False
        self._stopped = False

    @property
    def unfinished(self) -> int:
        """What is kept of a message (`tricorn.api.WsCodec`)."""
        deflate: Any = self._writer.extensions
        packed = len(deflate[0].kept) if deflate else 0
        return packed + (0 if self._parts is None else self._frames.limit - self._frames.left)

    def receive(self, data: bytes) -> None:
        """Read frames (`tricorn.api.WsCodec`)."""
        if self._stopped:
            return
        frames = self._frames
        frames.receive_bytes(data)
        try:
            while (frame := frames.process_buffer()) is not None:
                if not (self._control(frame) if frame.opcode >= 8 else self._data(frame)):
                    return
        except ParseFailed as error:
            self._fail(int(error.code), str(error))
        except UnicodeDecodeError:
            self._fail(1007, "invalid UTF-8")
        except ValueError as error:
            self._fail(1002, str(error))

    def _data(self, frame: Frame) -> bool:
        """A frame of a message, or the piece of it that has arrived; False to stop."""
        self._frames.left -= len(frame.payload)
        if self._frames.left < 0:
            raise ParseFailed("message too big", CloseReason.MESSAGE_TOO_BIG)
        payload: Any = frame.payload
        if self._parts is None and frame.frame_finished and frame.message_finished:
            # A whole message: a fifth of the work is an incremental decoder that has nothing to remember.
            return self._sink.on_message(payload.decode() if frame.opcode is Opcode.TEXT else payload)
        frame = self._frames.messages.process_frame(frame)
        payload = frame.payload
        if self._parts is None:
            if frame.message_finished:
                return self._sink.on_message(payload)
            # A list would keep an object for each of millions of fragments.
            self._parts = StringIO() if frame.opcode is Opcode.TEXT else BytesIO()
        self._parts.write(payload)
        if not frame.message_finished:
            return True
        parts, self._parts = self._parts, None
        return self._sink.on_message(parts.getvalue())

    def _control(self, frame: Frame) -> bool:
        """A control frame, which always comes as a whole; False to stop."""
        payload: Any = frame.payload
        if frame.opcode is Opcode.PING:
            self._sink.on_ping(bytes(self._writer.pong(payload)))
        elif frame.opcode is Opcode.PONG:
            self._sink.on_pong(payload)
        else:
            code, reason = read_close(payload)
            self._stopped = True
            self._sink.on_close(code, reason, self.close(code, reason))
        return not self._stopped

    def _fail(self, code: int, reason: str) -> None:
        self._stopped = True
        self._parts = None
        self._sink.on_close(code, reason, self.close(code, reason))

    def send(self, data: str | bytes) -> bytes | Iterator[bytes]:
        """One message in one frame, or a large one that is compressed in fragments."""
        if self._writer.extensions and len(data) > PART:
            return self._fragments(data)
        return bytes(self._writer.send_data(data))

    def _fragments(self, data: str | bytes) -> Iterator[bytes]:
        for start in range(0, len(data), PART):
            yield bytes(self._writer.send_data(data[start : start + PART], fin=start + PART >= len(data)))

    def ping(self, payload: bytes) -> bytes:
        """A ping frame."""
        return bytes(self._writer.ping(payload))

    def close(self, code: int, reason: str) -> bytes:
        """A close frame, once."""
        if self._close_sent:
            return b""
        self._close_sent = True
        return bytes(self._writer.close() if code == 1005 else self._writer.close(code, reason))


_: type[WsCodec] = WsprotoCodec


def _codec(sink: WsSink, settings: Any, offers: Sequence[bytes]) -> tuple[WsCodec, bytes | None]:
    agreed = negotiate(offers) if settings.ws_per_message_deflate else None
    return WsprotoCodec(sink, settings.ws_max_size, agreed), None if agreed is None else agreed.header


@hookimpl
def tricorn_ws() -> WsProvider:
    """The codec, for the kernel's WebSocket session."""
    return WsProvider(codec=_codec)
