"""What a WebSocket codec does with permessage-deflate (RFC 7692)."""

from __future__ import annotations

import zlib
from typing import Any

from tricorn.testing.suite import Suite, each
from tricorn.testing.ws_peer import BINARY, CONT, PING, TAIL, TEXT, Peer, deflate, frame, single_bytes

OFFER = b"permessage-deflate; client_max_window_bits"
TEXT_1K = '{"some": "text", "that": "repeats"} ' * 30


class DeflateChecks(Suite):
    """The part of `WsCodecSuite` about compression."""

    kind = "ws"

    def peer(self, **options: Any) -> Peer:
        """A new codec of the plugin and its sink."""
        return Peer(self.provider(), **options)

    def compressed(self, offer: bytes = OFFER, **options: Any) -> Peer:
        """One with compression."""
        peer = self.peer(offers=(offer,), **options)
        assert peer.extensions is not None
        assert peer.extensions.startswith(b"permessage-deflate")
        return peer

    # --- what is agreed -------------------------------------------------------------------------------------------

    @each(
        nothing=b"",
        another_extension=b"x-webkit-deflate-frame",
        unknown_parameter=b"permessage-deflate; quality=9",
        doubled_parameter=b"permessage-deflate; client_max_window_bits; client_max_window_bits",
        bits_too_few=b"permessage-deflate; server_max_window_bits=7",
        bits_too_many=b"permessage-deflate; server_max_window_bits=16",
        bits_of_nothing=b"permessage-deflate; server_max_window_bits=",
        bits_missing=b"permessage-deflate; server_max_window_bits",
        bits_with_a_zero=b"permessage-deflate; client_max_window_bits=09",
        value_for_a_flag=b"permessage-deflate; server_no_context_takeover=1",
        garbage=b"=;,;=",
    )
    def check_offers_that_cannot_be_met_are_declined(self, offer: bytes) -> None:
        """Declined, and no error: the WebSocket works without."""
        peer = self.peer(offers=(offer,))
        assert peer.extensions is None
        assert peer.feed(frame(TEXT, b"x")) == [("message", "x")]
        assert peer.send("y" * 1000) == (TEXT, b"y" * 1000, False)

    def check_the_first_offer_that_can_be_met_is_taken(self) -> None:
        """Offers come in the client's order, in one field or several."""
        peer = self.peer(offers=(b"foo, permessage-deflate; bar", b"permessage-deflate; server_no_context_takeover"))
        assert peer.extensions is not None
        assert b"server_no_context_takeover" in peer.extensions

    def check_compression_can_be_switched_off(self) -> None:
        """`ws_per_message_deflate`."""
        assert self.peer(offers=(OFFER,), compression=False).extensions is None

    @each(**{str(bits): bits for bits in range(9, 16)})
    def check_the_windows_agreed_on_are_kept(self, bits: int) -> None:
        """Both ways: the client inflates with the window it asked for, and may deflate with the one it was given."""
        peer = self.compressed(
            b"permessage-deflate; server_max_window_bits=%d; client_max_window_bits=%d" % (bits, bits)
        )
        parameters = dict(part.strip().partition(b"=")[::2] for part in (peer.extensions or b"").split(b";"))
        assert 9 <= int(parameters[b"server_max_window_bits"]) <= bits
        client_bits = int(parameters.get(b"client_max_window_bits", b"15"))
        assert client_bits <= bits
        text = "".join(chr(97 + index * index % 23) for index in range(50_000))
        assert peer.feed(frame(TEXT, deflate(text.encode(), client_bits), rsv=4)) == [("message", text)]
        assert inflate(peer.send(text), bits) == text.encode()

    def check_a_client_that_did_not_offer_it_is_not_told_its_window(self) -> None:
        """RFC 7692 section 7.1.2.2."""
        assert b"client_max_window_bits" not in (self.compressed(b"permessage-deflate").extensions or b"")

    # --- messages -------------------------------------------------------------------------------------------------

    @each(
        takeover=OFFER,
        client_alone=OFFER + b"; client_no_context_takeover",
        server_alone=OFFER + b"; server_no_context_takeover",
        both_alone=OFFER + b"; server_no_context_takeover; client_no_context_takeover",
    )
    def check_messages_are_compressed_both_ways(self, offer: bytes) -> None:
        """With and without the context of the messages before."""
        peer = self.compressed(offer)
        ours = zlib.compressobj(wbits=-9)
        theirs = zlib.decompressobj(wbits=-12)
        for text in (TEXT_1K, TEXT_1K, "", "é" * 70_000):
            if b"client_no" in offer:
                ours = zlib.compressobj(wbits=-9)
            if b"server_no" in offer:
                theirs = zlib.decompressobj(wbits=-12)
            payload = (ours.compress(text.encode()) + ours.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)
            assert peer.feed(frame(TEXT, payload, rsv=4)) == [("message", text)]
            _, sent, squeezed = peer.send(text)
            assert (theirs.decompress(sent + TAIL) if squeezed else sent) == text.encode()
        assert len(peer.send(TEXT_1K)[1]) < len(TEXT_1K) // 2

    @each(text="é" * 500_000, binary=bytes(1_000_001))
    def check_large_messages_are_compressed_as_well(self, data: str | bytes) -> None:
        """In parts, where they would hold up the others; what follows shares their context."""
        peer = self.compressed()
        theirs = zlib.decompressobj(wbits=-12)
        for message in (data, TEXT_1K, data):
            expected = message.encode() if isinstance(message, str) else message
            opcode, sent, squeezed = peer.send(message)
            assert opcode == (TEXT if isinstance(message, str) else BINARY)
            assert squeezed
            assert theirs.decompress(sent + TAIL) == expected

    def check_single_messages_may_be_uncompressed(self) -> None:
        """RSV1 says which are."""
        peer = self.compressed()
        for text in ("plain", TEXT_1K, "again"):
            assert peer.feed(frame(TEXT, text.encode())) == [("message", text)]
            assert peer.feed(frame(TEXT, deflate(text.encode()), rsv=4)) == [("message", text)]

    def check_compressed_messages_come_in_fragments(self) -> None:
        """RSV1 is on the first; the cuts fall anywhere in the deflated bytes; control frames are never compressed."""
        peer = self.compressed()
        first, *parts = single_bytes(deflate(TEXT_1K.encode()))
        frames = [frame(TEXT, first, fin=False, rsv=4), *(frame(CONT, part, fin=False) for part in parts)]
        frames.insert(5, frame(PING, b"x"))
        assert peer.feed(*frames, frame(CONT)) == [("ping", b"x"), ("message", TEXT_1K)]
        assert peer.feed(frame(BINARY, deflate(b"1"), rsv=4)) == [("message", b"1")]

    def check_segmentation_of_compressed_messages_changes_nothing(self) -> None:
        """Reads of one byte."""
        data = frame(TEXT, deflate(TEXT_1K.encode()), rsv=4) * 2
        assert self.compressed(OFFER + b"; client_no_context_takeover").feed(*single_bytes(data)) == [
            ("message", TEXT_1K),
            ("message", TEXT_1K),
        ]

    def check_a_last_block_ends_a_message_and_not_the_connection(self) -> None:
        """RFC 7692 section 7.2.3.4: such a block is followed by a zero byte, in which the empty one ends."""
        peer = self.compressed()
        for _ in range(2):
            stream = zlib.compressobj(wbits=-12)
            payload = stream.compress(TEXT_1K.encode()) + stream.flush() + b"\0"
            assert peer.feed(frame(TEXT, payload, rsv=4)) == [("message", TEXT_1K)]
        assert peer.feed(*single_bytes(frame(TEXT, payload, rsv=4))) == [("message", TEXT_1K)]
        assert peer.feed(frame(TEXT, deflate(b"after"), rsv=4)) == [("message", "after")]

    def check_an_empty_message_is_one_zero_byte(self) -> None:
        """RFC 7692 section 7.2.3.6."""
        assert self.compressed().feed(frame(TEXT, b"\0", rsv=4)) == [("message", "")]

    # --- what must be refused -------------------------------------------------------------------------------------

    @each(
        continuation_with_rsv1=frame(TEXT, deflate(b"x"), fin=False, rsv=4) + frame(CONT, b"", rsv=4),
        ping_with_rsv1=frame(PING, b"x", rsv=4),
        rsv2=frame(TEXT, deflate(b"x"), rsv=6),
        not_deflate=frame(TEXT, b"\xff\xff\xff\xff", rsv=4),
        broken_later=frame(TEXT, deflate(b"x" * 100)[:-2], fin=False, rsv=4) + frame(CONT, b"\xff" * 20),
    )
    def check_broken_compression_is_refused_with_1002(self, data: bytes) -> None:
        """As every other broken frame."""
        peer = self.compressed()
        peer.feed(data)
        assert peer.closed == 1002
        assert peer.reply[0] == 1002

    def check_what_is_wrong_first_in_a_frame_does_not_depend_on_its_segments(self) -> None:
        """Bad text, and behind it in the same frame what is no deflate: the frame is inflated before it is read."""
        for pieces in ([data := frame(TEXT, deflate(b"\xff") + TAIL + b"\x07" * 9, rsv=4)], single_bytes(data)):
            peer = self.compressed()
            peer.feed(*pieces)
            assert peer.closed == 1002

    def check_inflated_text_is_utf_8_as_well(self) -> None:
        """Found at the fragment."""
        peer = self.compressed()
        stream = zlib.compressobj(wbits=-12)
        part = stream.compress(b"good \xff bad") + stream.flush(zlib.Z_SYNC_FLUSH)
        peer.feed(frame(TEXT, part, fin=False, rsv=4))
        assert peer.closed == 1007

    @each(one_frame=1, fragments=2)
    def check_a_message_as_large_as_allowed_is_inflated(self, parts: int) -> None:
        """The limit is on what comes out."""
        data = deflate(b"x" * 100_000)
        half = len(data) // parts
        peer = self.compressed(limit=100_000)
        if parts == 1:
            peer.feed(frame(BINARY, data, rsv=4))
        else:
            peer.feed(frame(BINARY, data[:half], fin=False, rsv=4), frame(CONT, data[half:]))
        assert peer.events == [("message", b"x" * 100_000)]

    @each(one_frame=1, fragments=2)
    def check_a_message_that_inflates_too_far_is_refused_with_1009(self, parts: int) -> None:
        """After the limit, not after all of it."""
        data = deflate(b"x" * 100_001)
        half = len(data) // parts
        peer = self.compressed(limit=100_000)
        if parts == 1:
            peer.feed(frame(BINARY, data, rsv=4))
        else:
            peer.feed(frame(BINARY, data[:half], fin=False, rsv=4), frame(CONT, data[half:]))
        assert peer.closed == 1009
        assert len(peer.events) == 1

    def check_what_is_kept_of_a_message_is_told_as_it_is_inflated(self) -> None:
        """Or as it came, of a frame that is not complete."""
        peer = self.compressed()
        packed = deflate(bytes(100_000))
        peer.feed(frame(BINARY, packed + TAIL, fin=False, rsv=4))
        assert 99_900 < peer.codec.unfinished < 100_100
        peer.feed(frame(CONT, b""))
        assert peer.codec.unfinished == 0
        peer.feed(frame(BINARY, packed, rsv=4)[:60])
        assert 0 < peer.codec.unfinished < 100


def inflate(sent: tuple[int, bytes, bool], bits: int) -> bytes:
    """The payload of a compressed message."""
    _, payload, compressed = sent
    assert compressed, "the message is not compressed"
    return zlib.decompress(payload + TAIL + b"\x03\x00", wbits=-bits)
