"""The client's end of a WebSocket, byte by byte: frames as they should be, as they should not be, and what comes back.

Nothing here shares code with any codec, so that a mistake cannot cancel itself out.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MASK = b"\x37\xfa\x21\x3d"
TAIL = b"\x00\x00\xff\xff"


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = MASK,
    form: int | None = None,
    length: int | None = None,
) -> bytes:
    """One frame as a client sends it (RFC 6455 section 5.2).

    rsv: 4, 2, 1 for RSV1, RSV2, RSV3. mask: None for a frame without. form: bits of the length, 7, 16 or 64, where it
    is not to be the shortest. length: what the head says where that is not what follows.
    """
    size = len(payload) if length is None else length
    if form is None:
        form = 7 if size < 126 else 16 if size < 65536 else 64
    first = bytes((fin << 7 | rsv << 4 | opcode,))
    bit = 0 if mask is None else 128
    if form == 7:
        head = first + bytes((bit | size,))
    elif form == 16:
        head = first + bytes((bit | 126,)) + size.to_bytes(2, "big")
    else:
        head = first + bytes((bit | 127,)) + size.to_bytes(8, "big")
    if mask is None:
        return head + payload
    return head + mask + masked(payload, mask)


def masked(payload: bytes, mask: bytes) -> bytes:
    """The payload with the mask laid over it."""
    key = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(len(payload), "big")


def close_frame(code: int, reason: bytes = b"") -> bytes:
    """A close frame with a code."""
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


def parse(data: bytes) -> list[tuple[int, int, bytes]]:
    """Frames of a server as (first byte, opcode, payload).

    Asserts what holds for each of them: unmasked, complete, its length in the shortest form.
    """
    frames = []
    at = 0
    while at < len(data):
        first, size = data[at], data[at + 1]
        assert size < 128, "a server does not mask"
        at += 2
        width = {126: 2, 127: 8}.get(size, 0)
        if width:
            size = int.from_bytes(data[at : at + width], "big")
            at += width
            assert size >= (126 if width == 2 else 65536), "the length is not in its shortest form"
        assert at + size <= len(data), "the frame is not complete"
        frames.append((first, first & 15, data[at : at + size]))
        at += size
    return frames


def deflate(payload: bytes, bits: int = 12) -> bytes:
    """A message compressed by itself (RFC 7692 section 7.2.1)."""
    stream = zlib.compressobj(wbits=-bits)
    return (stream.compress(payload) + stream.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)


class Peer:
    """A codec under test with a sink that notes what it is told.

    events: `("message", data)`, `("ping", payload)`, `("pong", payload)`, `("close", code, reason)`, in order.
    replies: the bytes of close frames handed to `on_close`. take: how many messages the application takes before it
    is full; None for any number.
    """

    def __init__(
        self, provider: Any, *, limit: int | None = 1 << 20, offers: tuple[bytes, ...] = (), compression: bool = True
    ) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.replies: list[bytes] = []
        self.take: int | None = None
        settings = SimpleNamespace(ws_max_size=limit, ws_per_message_deflate=compression)
        self.codec, self.extensions = provider.codec(self, settings, offers)

    def on_message(self, data: str | bytes) -> bool:
        """Called by the codec."""
        assert type(data) in (str, bytes), f"a message is str or bytes, not {type(data).__name__}"
        self.events.append(("message", data))
        if self.take is not None:
            self.take -= 1
            return self.take > 0
        return True

    def on_ping(self, pong: bytes) -> None:
        """Called by the codec."""
        ((first, _, payload),) = parse(pong)
        assert first == 0x8A, "the answer to a ping is a pong"
        self.events.append(("ping", payload))

    def on_pong(self, payload: bytes) -> None:
        """Called by the codec."""
        self.events.append(("pong", bytes(payload)))

    def on_close(self, code: int, reason: str, reply: bytes) -> None:
        """Called by the codec."""
        self.events.append(("close", code, reason))
        self.replies.append(bytes(reply))

    def send(self, data: Any) -> tuple[int, bytes, bool]:
        """Opcode and payload of a message as it is sent, and whether it is compressed.

        A codec may make one frame of it or several, at once or in parts.
        """
        sent = self.codec.send(data)
        (first, opcode, payload), *rest = parse(sent if type(sent) is bytes else b"".join(sent))
        assert opcode in (TEXT, BINARY), "a message begins with its opcode"
        assert not first & 0x30, "RSV2 and RSV3 have no meaning"
        ends = [first & 0x80, *(head & 0x80 for head, _, _ in rest)]
        assert ends[-1], "the last frame is final"
        assert not any(ends[:-1]), "no other frame is"
        for head, _, part in rest:
            assert head & 0x7F == CONT, "the others are continuations, without RSV1"
            payload += part
        return opcode, payload, bool(first & 0x40)

    def feed(self, *pieces: bytes) -> list[tuple[Any, ...]]:
        """Hand bytes to the codec, each piece as one read; return the new events."""
        before = len(self.events)
        for piece in pieces:
            self.codec.receive(piece)
        return self.events[before:]

    @property
    def closed(self) -> int | None:
        """The code that `on_close` was called with, once at the most; None while it was not."""
        closes = [event for event in self.events if event[0] == "close"]
        assert len(closes) <= 1, "on_close was called twice"
        return closes[0][1] if closes else None

    @property
    def reply(self) -> tuple[int | None, bytes]:
        """Code and reason of the close frame that the codec made as its answer; None for a frame without code."""
        (reply,) = self.replies
        ((first, _, payload),) = parse(reply)
        assert first == 0x88, "the reply is a close frame"
        return (int.from_bytes(payload[:2], "big") if payload else None), payload[2:]


def single_bytes(data: bytes) -> list[bytes]:
    """The data as reads of one byte each."""
    return [data[index : index + 1] for index in range(len(data))]


def heard(
    provider: Any, pieces: Iterable[bytes], takes: Iterable[int] = (), *, limit: int, offers: tuple[bytes, ...] = ()
) -> tuple[list[tuple[Any, ...]], int | None]:
    """What an application hears of the bytes of one connection, in whatever reads they come, and the code of the close
    frame that answers: for comparing codecs, and for fuzzing them.

    takes: after how many messages the application is full, each time; it then goes on at once. limit: bytes of a
    message. The reasons of close frames are left out: they are each codec's own words.
    """
    peer = Peer(provider, limit=limit, offers=offers)
    pauses = iter(takes)
    peer.take = next(pauses, None)
    for piece in pieces:
        peer.codec.receive(piece)
        while peer.take is not None and peer.take <= 0:
            peer.take = next(pauses, None)
            peer.codec.receive(b"")
    # Codecs may differ in when they look at a frame, not in what they make of it: let the last one become complete.
    peer.take = None
    peer.codec.receive(bytes(2 * limit))
    events = [event[:2] if event[0] == "close" else event for event in peer.events]
    return events, peer.reply[0] if peer.replies else None
