"""The conformance suite of WebSocket codecs: RFC 6455 and 7692, and what the kernel's session asks besides."""

from __future__ import annotations

from typing import Any

from tricorn.testing.suite import each
from tricorn.testing.ws_deflate import DeflateChecks
from tricorn.testing.ws_peer import BINARY, CLOSE, CONT, PING, PONG, TEXT, close_frame, frame, parse, single_bytes

__all__ = ["WsCodecSuite"]

SIZES = {str(size): size for size in (0, 1, 2, 125, 126, 127, 128, 65535, 65536, 65537, 300_000)}
BAD_TEXT = {
    "lone continuation byte": b"\x80",
    "truncated": "κόσμε".encode()[:-1],
    "overlong": b"\xc0\xaf",
    "surrogate": b"\xed\xa0\x80",
    "above the last code point": b"\xf4\x90\x80\x80",
    "byte that never occurs": b"good \xff bad",
}


class WsCodecSuite(DeflateChecks):
    """Every WebSocket plugin passes this suite; it needs no network and no event loop."""

    kind = "ws"

    # --- messages -------------------------------------------------------------------------------------------------

    @each(**SIZES)
    def check_messages_of_every_length_form_arrive(self, size: int) -> None:
        """7, 16 and 64 bits, and the numbers around their borders."""
        peer = self.peer()
        data = bytes(index % 251 for index in range(size))
        text = "a" * size
        assert peer.feed(frame(BINARY, data)) == [("message", data)]
        assert peer.feed(frame(TEXT, text.encode())) == [("message", text)]

    @each(**SIZES)
    def check_messages_of_every_length_form_are_sent(self, size: int) -> None:
        """Unmasked, with the shortest length."""
        peer = self.peer()
        data = bytes(index % 251 for index in range(size))
        assert peer.send(data) == (BINARY, data, False)
        assert peer.send("a" * size) == (TEXT, b"a" * size, False)

    def check_text_is_utf_8(self) -> None:
        """Beyond ASCII and beyond 16 bits; line ends and NUL are left alone."""
        peer = self.peer()
        for text in ("κόσμε", "🦄 and more 🦄", "a\r\nb\rc\nd\0e", "\ufeffbom", "\U0010ffff\ud7ff\ue000"):
            assert peer.feed(frame(TEXT, text.encode())) == [("message", text)]
            assert peer.send(text) == (TEXT, text.encode(), False)

    @each(bytearray=bytearray, memoryview=memoryview)
    def check_other_buffers_are_sent_as_binary(self, kind: Any) -> None:
        """Applications send what they have."""
        assert self.peer().send(kind(b"abc" * 100)) == (BINARY, b"abc" * 100, False)

    @each(small=100, large=100_000)
    def check_a_frame_does_not_change_with_the_buffer_it_was_made_of(self, size: int) -> None:
        """It may have to wait before it leaves, while the application goes on with its buffer."""
        buffer = bytearray(b"a" * size)
        sent = self.peer().codec.send(buffer)
        buffer[:] = b"b" * size
        [(_, _, payload)] = parse(sent if type(sent) is bytes else b"".join(sent))
        assert payload == b"a" * size

    def check_many_messages_of_one_read_arrive_in_order(self) -> None:
        """With control frames between them."""
        peer = self.peer()
        data = b"".join(frame(TEXT, b"%d" % n) + frame(PING, b"%d" % n) for n in range(500))
        events = peer.feed(data)
        assert events == [event for n in range(500) for event in (("message", str(n)), ("ping", b"%d" % n))]

    def check_segmentation_changes_nothing(self) -> None:
        """Single bytes, and every cut in two."""
        data = (
            frame(TEXT, "κόσμε".encode())
            + frame(BINARY, b"x" * 126)
            + frame(PING, b"p")
            + frame(TEXT, "κό".encode()[:3], fin=False)
            + frame(PONG)
            + frame(CONT, "κό".encode()[3:])
            + close_frame(4000, b"bye")
        )
        whole = self.peer().feed(data)
        assert len(whole) == 6
        assert self.peer().feed(*single_bytes(data)) == whole
        for cut in range(1, len(data)):
            assert self.peer().feed(data[:cut], data[cut:]) == whole

    def check_large_messages_may_come_in_small_reads(self) -> None:
        """Collecting them takes linear time."""
        data = b"0123456789abcdef" * 40_000
        encoded = frame(BINARY, data)
        assert self.peer().feed(*(encoded[at : at + 1000] for at in range(0, len(encoded), 1000))) == [
            ("message", data)
        ]

    # --- fragments ------------------------------------------------------------------------------------------------

    def check_fragments_are_put_together(self) -> None:
        """Empty ones too; control frames may stand between them (RFC 6455 section 5.4)."""
        peer = self.peer()
        assert peer.feed(frame(TEXT, b"", fin=False), frame(CONT, b"a", fin=False), frame(PING, b"1")) == [
            ("ping", b"1")
        ]
        assert peer.feed(frame(CONT, b"", fin=False), frame(PONG, b"2"), frame(CONT, b"b")) == [
            ("pong", b"2"),
            ("message", "ab"),
        ]
        assert peer.feed(frame(BINARY, b"\xff", fin=False) + frame(CONT)) == [("message", b"\xff")]
        assert peer.feed(frame(TEXT, b"", fin=False) + frame(CONT)) == [("message", "")]
        assert peer.feed(frame(TEXT, b"\r", fin=False) + frame(CONT, b"\n")) == [("message", "\r\n")]

    def check_characters_may_be_split_between_fragments(self) -> None:
        """Frames do not know about characters."""
        text = "κ🦄é"
        parts = single_bytes(text.encode())
        frames = [frame(TEXT if index == 0 else CONT, part, fin=False) for index, part in enumerate(parts)]
        assert self.peer().feed(b"".join(frames) + frame(CONT)) == [("message", text)]

    # --- control frames -------------------------------------------------------------------------------------------

    def check_pings_are_answered_with_their_payload(self) -> None:
        """Up to 125 bytes, and none."""
        payloads = [b"", b"x", b"\x00\xff" * 62 + b"\xfe"]
        assert self.peer().feed(*(frame(PING, data) for data in payloads)) == [("ping", data) for data in payloads]

    def check_pings_are_sent(self) -> None:
        """The pong that answers one is reported with its payload."""
        peer = self.peer()
        assert parse(peer.codec.ping(b"1234")) == [(0x89, PING, b"1234")]
        assert peer.feed(frame(PONG, b"1234")) == [("pong", b"1234")]

    # --- what must be refused -------------------------------------------------------------------------------------

    @each(
        rsv1=frame(TEXT, b"x", rsv=4),
        rsv2=frame(TEXT, b"x", rsv=2),
        rsv3=frame(BINARY, b"x", rsv=1),
        ping_with_rsv1=frame(PING, b"x", rsv=4),
        close_with_rsv2=frame(CLOSE, b"\x03\xe8", rsv=2),
        **{f"opcode_{opcode}": frame(opcode, b"x") for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
        unmasked=frame(TEXT, b"x" * 10, mask=None),
        unmasked_and_empty=frame(TEXT, b"", mask=None) + frame(TEXT, b""),
        unmasked_ping=frame(PING, b"x" * 10, mask=None),
        fragmented_ping=frame(PING, b"x", fin=False),
        fragmented_close=frame(CLOSE, b"\x03\xe8", fin=False),
        ping_too_long=frame(PING, b"x" * 126),
        close_too_long=frame(CLOSE, b"\x03\xe8" + b"x" * 124),
        length_16_bits_for_125=frame(TEXT, b"x" * 125, form=16),
        length_64_bits_for_5=frame(TEXT, b"x" * 5, form=64),
        length_64_bits_for_65535=frame(BINARY, b"x" * 65535, form=64),
        length_above_63_bits=frame(BINARY, b"x", form=64, length=1 << 63),
        continuation_of_nothing=frame(CONT, b"x"),
        unfinished_continuation_of_nothing=frame(CONT, b"x", fin=False),
        message_within_message=frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"),
        continuation_after_the_end=frame(TEXT, b"x", fin=False) + frame(CONT, b"y") + frame(CONT, b"z"),
        close_with_one_byte=frame(CLOSE, b"\x03"),
        **{
            f"close_code_{code}": close_frame(code)
            for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
        },
    )
    def check_broken_frames_are_refused_with_1002(self, data: bytes) -> None:
        """Once, with a close frame; what came before in the same read is delivered, nothing behind it is."""
        for pieces in ([data], single_bytes(data) if len(data) < 1000 else [data[:9], data[9:]]):
            peer = self.peer()
            first = frame(TEXT, b"before")
            events = peer.feed(first + pieces[0], *pieces[1:], frame(TEXT, b"behind"), b"\xff" * 100)
            assert events[0] == ("message", "before")
            assert ("message", "behind") not in events
            assert peer.closed == 1002
            assert peer.reply[0] == 1002
            assert peer.codec.close(1000, "") == b"", "a close frame was made before"

    @each(
        rsv2=frame(TEXT, b"x", rsv=2),
        opcode_3=frame(3, b"x" * 10),
        ping_too_long=frame(PING, b"x" * 126),
        continuation_of_nothing=frame(CONT, b"x" * 10),
        length_not_shortest=frame(TEXT, b"x" * 125, form=16),
        too_big=frame(TEXT, b"x", form=64, length=1 << 40),
    )
    def check_broken_heads_are_refused_before_the_payload(self, data: bytes) -> None:
        """The rest may never come."""
        peer = self.peer()
        peer.feed(data[: len(data) - 1])
        assert peer.closed in (1002, 1009)

    @each(**BAD_TEXT)
    def check_text_that_is_not_utf_8_is_refused_with_1007(self, data: bytes) -> None:
        """Within a message of one frame."""
        peer = self.peer()
        assert peer.feed(frame(TEXT, b"good"), frame(TEXT, data), frame(TEXT, b"behind"))[0] == ("message", "good")
        assert peer.closed == 1007
        assert peer.reply[0] == 1007
        assert len(peer.events) == 2

    @each(**{name: data for name, data in BAD_TEXT.items() if name != "truncated"})
    def check_text_is_refused_at_the_fragment_that_is_bad(self, data: bytes) -> None:
        """Not at the end of the message, which may be far away."""
        peer = self.peer()
        assert peer.feed(frame(TEXT, b"good", fin=False)) == []
        peer.feed(frame(CONT, data, fin=False))
        assert peer.closed == 1007

    def check_text_that_ends_within_a_character_is_refused(self) -> None:
        """Only the end tells."""
        peer = self.peer()
        assert peer.feed(frame(TEXT, b"\xce", fin=False), frame(PING)) == [("ping", b"")]
        peer.feed(frame(CONT))
        assert peer.closed == 1007

    def check_a_close_reason_that_is_not_utf_8_is_refused_with_1007(self) -> None:
        """It is text as well (RFC 6455 section 5.5.1)."""
        peer = self.peer()
        peer.feed(close_frame(1000, b"\xff"))
        assert peer.closed == 1007
        assert peer.reply[0] == 1007

    # --- the limit ------------------------------------------------------------------------------------------------

    @each(text=TEXT, binary=BINARY)
    def check_a_message_as_large_as_allowed_arrives(self, opcode: int) -> None:
        """In one frame and in fragments, with control frames between, which are no part of it."""
        peer = self.peer(limit=100)
        frames = frame(opcode, b"x" * 60, fin=False) + frame(PING, b"y" * 125) + frame(CONT, b"x" * 40)
        peer.feed(frame(opcode, b"x" * 100), frames, frames)
        assert [len(event[1]) for event in peer.events if event[0] == "message"] == [100, 100, 100]
        assert peer.closed is None

    @each(
        one_frame=frame(TEXT, b"x" * 101),
        head_alone=frame(TEXT, b"x" * 1000)[:8],
        fragments=frame(TEXT, b"x" * 60, fin=False) + frame(CONT, b"x" * 41, fin=False),
        head_of_a_fragment=frame(BINARY, b"x" * 60, fin=False) + frame(CONT, b"x" * 41)[:6],
        many_fragments=frame(TEXT, b"xx", fin=False) + frame(CONT, b"xx", fin=False) * 50,
    )
    def check_a_message_too_large_is_refused_with_1009(self, data: bytes) -> None:
        """By the head of the frame that exceeds the limit."""
        peer = self.peer(limit=100)
        peer.feed(data)
        assert peer.closed == 1009
        assert peer.reply[0] == 1009
        assert len(peer.events) == 1

    @each(
        frame=frame(BINARY, bytes(5000))[:4000],
        text=frame(TEXT, bytes(5000))[:4000],
        fragments=frame(BINARY, bytes(2000), fin=False) + frame(CONT, bytes(2000), fin=False),
        fragment_and_frame=frame(TEXT, bytes(3000), fin=False) + frame(CONT, bytes(2000))[:1000],
    )
    def check_what_is_kept_of_a_message_is_told(self, data: bytes) -> None:
        """As long as its end has not arrived; a few bytes more or less do not matter."""
        peer = self.peer()
        peer.feed(frame(BINARY, b"whole"), frame(TEXT, b"in ", fin=False), frame(CONT, b"parts"))
        assert peer.codec.unfinished == 0
        peer.feed(data)
        assert 3950 < peer.codec.unfinished < 4050

    def check_no_limit_is_no_limit(self) -> None:
        """`ws_max_size` may be None."""
        assert self.peer(limit=None).feed(frame(BINARY, b"x" * (1 << 21))) == [("message", b"x" * (1 << 21))]

    # --- closing --------------------------------------------------------------------------------------------------

    @each(**{str(code): code for code in (1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 3999, 4000, 4999)})
    def check_close_frames_are_reported_and_answered_in_kind(self, code: int) -> None:
        """Code and reason both ways; nothing behind is read."""
        peer = self.peer()
        assert peer.feed(close_frame(code, "später".encode()) + frame(TEXT, b"behind")) == [("close", code, "später")]
        assert peer.reply == (code, "später".encode())
        assert peer.codec.close(1000, "") == b"", "a close frame was made before"
        assert peer.feed(frame(TEXT, b"behind"), close_frame(1000)) == []

    def check_a_close_frame_without_code_is_1005(self) -> None:
        """It is answered by one without code: 1005 is never sent."""
        peer = self.peer()
        assert peer.feed(frame(CLOSE)) == [("close", 1005, "")]
        assert peer.reply == (None, b"")

    def check_close_frames_are_sent_once(self) -> None:
        """With code and reason; the peer's close frame then needs no answer."""
        peer = self.peer()
        assert parse(peer.codec.close(4001, "später")) == [(0x88, CLOSE, b"\x0f\xa1" + "später".encode())]
        assert peer.codec.close(1000, "") == b""
        assert peer.feed(frame(TEXT, b"late"), close_frame(4001)) == [("message", "late"), ("close", 4001, "")]
        assert peer.replies == [b""]
        assert parse(self.peer().codec.close(1005, "")) == [(0x88, CLOSE, b"")]
        reason = "x" * 123
        assert parse(self.peer().codec.close(1000, reason)) == [(0x88, CLOSE, b"\x03\xe8" + reason.encode())]

    def check_a_verdict_after_our_close_frame_has_no_reply(self) -> None:
        """There is one close frame in each direction."""
        peer = self.peer()
        peer.codec.close(1000, "")
        peer.feed(frame(3, b""))
        assert peer.closed == 1002
        assert peer.replies == [b""]

    # --- stopping -------------------------------------------------------------------------------------------------

    def check_a_full_application_gets_no_more(self) -> None:
        """`on_message` returned False: what is left waits for the next `receive`, also one without bytes."""
        peer = self.peer()
        peer.take = 2
        data = b"".join(frame(TEXT, b"%d" % n) for n in range(5))
        assert peer.feed(data + frame(PING) + close_frame(1000)) == [("message", "0"), ("message", "1")]
        peer.take = 1
        assert peer.feed(b"") == [("message", "2")]
        peer.take = None
        assert peer.feed(b"") == [("message", "3"), ("message", "4"), ("ping", b""), ("close", 1000, "")]

    def check_bytes_may_come_while_it_is_full(self) -> None:
        """They queue behind what is left; an incomplete frame too."""
        peer = self.peer()
        last = frame(TEXT, b"last")
        peer.take = 1
        assert peer.feed(frame(TEXT, b"a") + frame(TEXT, b"b") + last[:3]) == [("message", "a")]
        peer.take = None
        assert peer.feed(last[3:]) == [("message", "b"), ("message", "last")]
        peer.take = 1
        assert peer.feed(frame(TEXT, b"c")) == [("message", "c")]
        assert peer.feed(b"") == []
        peer.take = None
        assert peer.feed(frame(TEXT, b"d")) == [("message", "d")]

    def check_a_full_application_does_not_hear_of_what_is_broken_behind(self) -> None:
        """Messages that arrived before it are delivered first."""
        peer = self.peer()
        peer.take = 1
        assert peer.feed(frame(TEXT, b"a") + frame(TEXT, b"b") + frame(3)) == [("message", "a")]
        peer.take = None
        assert peer.feed(b"")[0] == ("message", "b")
        assert peer.closed == 1002
