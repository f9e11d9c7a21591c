"""Every frame does what RFC 9113 says, and what it must not be ends the stream or the connection.

The cases are those of the usual conformance list for servers: its generic part and its part about RFC 9113. The names
of those that break a rule begin with its section.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from hyperframe.frame import (
    DataFrame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from plugins.http_h2.tests.peer import PREFACE, Peer, connected, get, raw, serving

PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR = 1, 3, 5, 6
REFUSED_STREAM, COMPRESSION_ERROR = 7, 9
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 1
END_HEADERS, PADDED = 4, 8

Case = Callable[[Peer], Awaitable[None]]


async def served(peer: Peer, stream: int, body: bytes | None = None) -> None:
    """A stream gets its whole response."""
    assert await peer.status(stream) == 200
    await peer.until(lambda: peer.ended(stream))
    if body is not None:
        assert peer.body(stream) == body


def post() -> list[tuple[bytes, bytes]]:
    return get(method=b"POST")


# --- what is legal and is served -----------------------------------------------------------------------------------


async def priority_on_an_idle_stream(peer: Peer) -> None:
    peer.send(PriorityFrame(1, depends_on=0, stream_weight=255), peer.request(1))
    await served(peer, 1)


async def window_update_on_a_half_closed_stream(peer: Peer) -> None:
    peer.send(peer.request(1), WindowUpdateFrame(1, 100))
    await served(peer, 1)


async def priority_on_a_half_closed_stream(peer: Peer) -> None:
    peer.send(peer.request(1), PriorityFrame(1, depends_on=0))
    await served(peer, 1)


async def reset_of_a_half_closed_stream(peer: Peer) -> None:
    peer.send(peer.request(1), RstStreamFrame(1, error_code=8))
    await peer.alive()
    assert not peer.of(HeadersFrame)


async def frames_on_a_stream_that_has_just_closed(peer: Peer) -> None:
    peer.send(peer.request(1))
    await served(peer, 1)
    peer.send(PriorityFrame(1, depends_on=0), WindowUpdateFrame(1, 100), RstStreamFrame(1, error_code=8))
    await peer.alive()


async def data_in_one_frame(peer: Peer) -> None:
    peer.send(peer.request(1, post(), end=False), DataFrame(1, b"hello", flags=["END_STREAM"]))
    await served(peer, 1, b"hello")


async def data_in_several_frames(peer: Peer) -> None:
    frames = [DataFrame(1, b"hel"), DataFrame(1, b"lo"), DataFrame(1, b"", flags=["END_STREAM"])]
    peer.send(peer.request(1, post(), end=False), *frames)
    await served(peer, 1, b"hello")


async def data_with_padding(peer: Peer) -> None:
    peer.send(peer.request(1, post(), end=False))
    peer.send(DataFrame(1, b"hello", flags=["END_STREAM", "PADDED"], pad_length=5))
    await served(peer, 1, b"hello")


async def data_that_is_padding_alone(peer: Peer) -> None:
    peer.send(peer.request(1, post(), end=False), raw(DATA, PADDED, 1, b"\x00"))
    peer.send(raw(DATA, PADDED | END_STREAM, 1, b"\xff" + bytes(255)))
    await served(peer, 1, b"/")


async def data_of_the_largest_size(peer: Peer) -> None:
    peer.send(peer.request(1, post(), end=False), DataFrame(1, b"x" * 16384, flags=["END_STREAM"]))
    await served(peer, 1, b"x" * 16384)


async def headers_with_padding(peer: Peer) -> None:
    block = peer.block(get())
    peer.send(HeadersFrame(1, block, flags=["END_HEADERS", "END_STREAM", "PADDED"], pad_length=7))
    await served(peer, 1)


async def headers_with_a_priority(peer: Peer) -> None:
    flags = ["END_HEADERS", "END_STREAM", "PRIORITY"]
    peer.send(HeadersFrame(1, peer.block(get()), flags=flags, depends_on=0, stream_weight=255, exclusive=True))
    await served(peer, 1)


async def headers_with_priority_and_padding(peer: Peer) -> None:
    flags = ["END_HEADERS", "END_STREAM", "PRIORITY", "PADDED"]
    peer.send(HeadersFrame(1, peer.block(get()), flags=flags, depends_on=3, pad_length=3))
    await served(peer, 1)


async def priority_exclusive_and_of_a_stream_yet_to_come(peer: Peer) -> None:
    peer.send(PriorityFrame(7, depends_on=5, stream_weight=0, exclusive=True), peer.request(3))
    await served(peer, 3)


async def continuation_once(peer: Peer) -> None:
    block = peer.block(get())
    peer.send(raw(HEADERS, END_STREAM, 1, block[:1]), raw(CONTINUATION, END_HEADERS, 1, block[1:]))
    await served(peer, 1)


async def continuation_several_times_and_empty(peer: Peer) -> None:
    block = peer.block([*get(), (b"x", b"y" * 100)])
    peer.send(raw(HEADERS, END_STREAM, 1, b""))
    for start in range(0, len(block), 20):
        peer.send(raw(CONTINUATION, 0, 1, block[start : start + 20]))
    peer.send(raw(CONTINUATION, END_HEADERS, 1, b""))
    await served(peer, 1)


async def an_empty_settings_frame(peer: Peer) -> None:
    peer.send(SettingsFrame())
    await peer.until(lambda: len([f for f in peer.of(SettingsFrame) if "ACK" in f.flags]) == 2)


async def an_unknown_setting(peer: Peer) -> None:
    peer.send(raw(SETTINGS, 0, 0, b"\x00\xff\x00\x00\x00\x00"))
    await peer.alive()


async def an_unknown_frame_type(peer: Peer) -> None:
    peer.send(raw(0x16, 0, 0, b"12345678"), raw(0xEE, 0xFF, 7, b""))
    await peer.alive()


async def undefined_flags(peer: Peer) -> None:
    peer.send(raw(PING, 0x16, 0, b"12345678"))
    frame = await peer.next(PingFrame)
    assert frame.opaque_data == b"12345678"


async def the_reserved_bit(peer: Peer) -> None:
    peer.send(raw(PING, 0, 0x80000000, b"12345678"))
    assert (await peer.next(PingFrame)).opaque_data == b"12345678"


async def a_ping(peer: Peer) -> None:
    peer.send(PingFrame(opaque_data=b"12345678"))
    frame = await peer.next(PingFrame)
    assert (frame.opaque_data, set(frame.flags)) == (b"12345678", {"ACK"})


async def a_ping_that_is_an_answer(peer: Peer) -> None:
    peer.send(PingFrame(opaque_data=b"answered", flags=["ACK"]), PingFrame(opaque_data=b"question"))
    assert (await peer.next(PingFrame)).opaque_data == b"question"


async def a_goaway_with_an_unknown_error(peer: Peer) -> None:
    """The client has nothing more to ask: the connection ends in good order."""
    peer.send(raw(GOAWAY, 0, 0, bytes(4) + b"\0\0\0\xff"))
    await peer.goaway(0)


async def several_windows_in_one_settings_frame(peer: Peer) -> None:
    """The values count in their order (RFC 9113 section 6.5.3)."""
    peer.send(raw(SETTINGS, 0, 0, b"\0\4\0\0\0\x64" + b"\0\4\0\0\0\1"), peer.request(1, get(b"/long")))
    assert len((await peer.next(DataFrame, 1)).data) == 1


async def weights_at_both_ends(peer: Peer) -> None:
    peer.send(PriorityFrame(1, stream_weight=0), PriorityFrame(1, stream_weight=255), peer.request(1))
    await served(peer, 1)


async def window_updates_on_both_levels(peer: Peer) -> None:
    peer.send(peer.request(1, post(), end=False), WindowUpdateFrame(0, 1), WindowUpdateFrame(1, 1))
    peer.send(DataFrame(1, b"hello", flags=["END_STREAM"]))
    await served(peer, 1, b"hello")


async def a_head_request(peer: Peer) -> None:
    peer.send(peer.request(1, get(method=b"HEAD")))
    await served(peer, 1, b"")


async def a_reset_with_an_unknown_error(peer: Peer) -> None:
    peer.send(peer.request(1, end=False), RstStreamFrame(1, error_code=0xFF))
    await peer.alive()


async def settings_are_acknowledged(peer: Peer) -> None:
    await peer.until(lambda: any("ACK" in frame.flags for frame in peer.of(SettingsFrame)))


async def trailers(peer: Peer) -> None:
    peer.send(peer.request(1, post(), end=False), DataFrame(1, b"hello"), peer.request(1, [(b"x-checksum", b"1")]))
    await served(peer, 1, b"hello")


async def push_may_be_allowed(peer: Peer) -> None:
    peer.send(SettingsFrame(settings={2: 1}), peer.request(1))
    await served(peer, 1)


LEGAL: tuple[Case, ...] = (
    priority_on_an_idle_stream, window_update_on_a_half_closed_stream, priority_on_a_half_closed_stream,
    reset_of_a_half_closed_stream, frames_on_a_stream_that_has_just_closed, data_in_one_frame, data_in_several_frames,
    data_with_padding, data_that_is_padding_alone, data_of_the_largest_size, headers_with_padding,
    headers_with_a_priority, headers_with_priority_and_padding, priority_exclusive_and_of_a_stream_yet_to_come,
    continuation_once, continuation_several_times_and_empty, an_empty_settings_frame, an_unknown_setting,
    an_unknown_frame_type, undefined_flags, the_reserved_bit, a_ping, a_ping_that_is_an_answer,
    a_goaway_with_an_unknown_error, several_windows_in_one_settings_frame, weights_at_both_ends,
    window_updates_on_both_levels, a_head_request, a_reset_with_an_unknown_error, settings_are_acknowledged, trailers,
    push_may_be_allowed,
)  # fmt: skip


@pytest.mark.parametrize("case", LEGAL, ids=lambda case: case.__name__)
async def test_served(case: Case) -> None:
    async with connected() as peer:
        await case(peer)


# --- what ends the connection ---------------------------------------------------------------------------------------


def opened(peer: Peer) -> bytes:
    """A request whose body has not come yet, on stream 1."""
    return peer.request(1, post(), end=False).serialize()


Frames = Callable[[Peer], bytes]

FATAL: dict[str, tuple[int | tuple[int, ...], Frames]] = {
    "4.2_data_too_large": (FRAME_SIZE_ERROR, lambda p: opened(p) + raw(DATA, 0, 1, b"x" * 16385)),
    "4.2_headers_too_large": (FRAME_SIZE_ERROR, lambda p: raw(HEADERS, END_HEADERS, 1, bytes(16385))),
    "4.2_any_frame_too_large": (FRAME_SIZE_ERROR, lambda p: raw(0x20, 0, 0, length=1 << 23)),
    "4.3_block_that_is_no_hpack": (
        COMPRESSION_ERROR,
        lambda p: raw(HEADERS, END_HEADERS | END_STREAM, 1, b"\x40\x01\x7f\xff"),
    ),
    "4.3_priority_inside_of_a_block": (
        PROTOCOL_ERROR,
        lambda p: raw(HEADERS, 0, 1, p.block(get())) + raw(PRIORITY, 0, 1, bytes(5)),
    ),
    "4.3_headers_inside_of_a_block": (
        PROTOCOL_ERROR,
        lambda p: raw(HEADERS, 0, 1, p.block(get())) + raw(HEADERS, END_HEADERS, 3, b""),
    ),
    "5.1_idle_data": (PROTOCOL_ERROR, lambda p: raw(DATA, 0, 1, b"x")),
    "5.1_idle_rst_stream": (PROTOCOL_ERROR, lambda p: raw(RST_STREAM, 0, 1, bytes(4))),
    "5.1_idle_window_update": (PROTOCOL_ERROR, lambda p: raw(WINDOW_UPDATE, 0, 1, b"\0\0\0\1")),
    "5.1_idle_continuation": (PROTOCOL_ERROR, lambda p: raw(CONTINUATION, END_HEADERS, 1, p.block(get()))),
    "4.3_data_inside_of_a_block": (
        PROTOCOL_ERROR,
        lambda p: raw(HEADERS, 0, 1, p.block(get())) + raw(DATA, 0, 1, b"x"),
    ),
    "4.3_continuation_of_another_stream": (
        PROTOCOL_ERROR,
        lambda p: raw(HEADERS, 0, 1, p.block(get())) + raw(CONTINUATION, END_HEADERS, 3, b""),
    ),
    "5.1_half_closed_continuation": (
        (PROTOCOL_ERROR, STREAM_CLOSED),
        lambda p: p.request(1).serialize() + raw(CONTINUATION, END_HEADERS, 1, b""),
    ),
    "5.1_data_after_reset": (
        STREAM_CLOSED,
        lambda p: opened(p) + raw(RST_STREAM, 0, 1, bytes(4)) + raw(DATA, 0, 1, b"x"),
    ),
    "5.1_headers_after_reset": (
        STREAM_CLOSED,
        lambda p: opened(p) + raw(RST_STREAM, 0, 1, bytes(4)) + p.request(1).serialize(),
    ),
    "5.1_continuation_after_reset": (
        (PROTOCOL_ERROR, STREAM_CLOSED),
        lambda p: opened(p) + raw(RST_STREAM, 0, 1, bytes(4)) + raw(CONTINUATION, END_HEADERS, 1, b""),
    ),
    "5.1.1_even_stream": (PROTOCOL_ERROR, lambda p: p.request(2).serialize()),
    "5.1.1_lower_stream": (PROTOCOL_ERROR, lambda p: p.request(5).serialize() + p.request(3).serialize()),
    "5.3.1_headers_depend_on_themselves": (
        PROTOCOL_ERROR,
        lambda p: raw(HEADERS, END_HEADERS | END_STREAM | 0x20, 1, b"\0\0\0\1\0" + p.block(get())),
    ),
    "5.3.1_priority_depends_on_itself": (PROTOCOL_ERROR, lambda p: raw(PRIORITY, 0, 1, b"\0\0\0\1\0")),
    "5.4.1_wrong_ping_ends_it": (FRAME_SIZE_ERROR, lambda p: raw(PING, 0, 0, bytes(6))),
    "5.5_unknown_frame_inside_of_a_block": (
        PROTOCOL_ERROR,
        lambda p: raw(HEADERS, 0, 1, p.block(get())) + raw(0xFF, 0, 0, b""),
    ),
    "6.1_data_on_stream_0": (PROTOCOL_ERROR, lambda p: raw(DATA, 0, 0, b"x")),
    "6.1_more_padding_than_data": (PROTOCOL_ERROR, lambda p: opened(p) + raw(DATA, PADDED, 1, b"\x06hello")),
    "6.1_padded_without_a_length": (FRAME_SIZE_ERROR, lambda p: opened(p) + raw(DATA, PADDED, 1, b"")),
    "6.2_headers_on_stream_0": (PROTOCOL_ERROR, lambda p: raw(HEADERS, END_HEADERS, 0, p.block(get()))),
    "6.2_more_padding_than_headers": (
        PROTOCOL_ERROR,
        lambda p: raw(HEADERS, END_HEADERS | PADDED, 1, b"\xff" + p.block(get())),
    ),
    "6.2_too_short_for_its_priority": (FRAME_SIZE_ERROR, lambda p: raw(HEADERS, END_HEADERS | 0x20, 1, bytes(4))),
    "6.3_priority_on_stream_0": (PROTOCOL_ERROR, lambda p: raw(PRIORITY, 0, 0, bytes(5))),
    "6.3_priority_of_a_wrong_size": (FRAME_SIZE_ERROR, lambda p: opened(p) + raw(PRIORITY, 0, 1, bytes(4))),
    "6.4_rst_stream_on_stream_0": (PROTOCOL_ERROR, lambda p: raw(RST_STREAM, 0, 0, bytes(4))),
    "6.4_rst_stream_of_a_wrong_size": (FRAME_SIZE_ERROR, lambda p: opened(p) + raw(RST_STREAM, 0, 1, bytes(3))),
    "6.5_settings_ack_with_payload": (FRAME_SIZE_ERROR, lambda p: raw(SETTINGS, ACK, 0, bytes(6))),
    "6.5_settings_on_a_stream": (PROTOCOL_ERROR, lambda p: raw(SETTINGS, 0, 1, bytes(6))),
    "6.5_settings_of_a_wrong_size": (FRAME_SIZE_ERROR, lambda p: raw(SETTINGS, 0, 0, bytes(5))),
    "6.5.2_enable_push_of_2": (PROTOCOL_ERROR, lambda p: raw(SETTINGS, 0, 0, b"\0\2\0\0\0\2")),
    "6.5.2_window_too_large": (FLOW_CONTROL_ERROR, lambda p: raw(SETTINGS, 0, 0, b"\0\4\x80\0\0\0")),
    "6.5.2_frame_size_too_small": (PROTOCOL_ERROR, lambda p: raw(SETTINGS, 0, 0, b"\0\5\0\0\x3f\xff")),
    "6.5.2_frame_size_too_large": (PROTOCOL_ERROR, lambda p: raw(SETTINGS, 0, 0, b"\0\5\x01\0\0\0")),
    "8441.3_connect_protocol_of_2": (PROTOCOL_ERROR, lambda p: raw(SETTINGS, 0, 0, b"\0\x08\0\0\0\2")),
    "9218.2_priorities_of_2": (PROTOCOL_ERROR, lambda p: raw(SETTINGS, 0, 0, b"\0\x09\0\0\0\2")),
    "9218.2_priorities_change": (
        PROTOCOL_ERROR,
        lambda p: raw(SETTINGS, 0, 0, b"\0\x09\0\0\0\1") + raw(SETTINGS, 0, 0, b"\0\x09\0\0\0\0"),
    ),
    "9218.7_priority_update_on_a_stream": (PROTOCOL_ERROR, lambda p: raw(16, 0, 1, b"\0\0\0\1u=1")),
    "9218.7_priority_update_too_short": (FRAME_SIZE_ERROR, lambda p: raw(16, 0, 0, b"\0\0\1")),
    "9218.7_priority_update_of_no_request": (PROTOCOL_ERROR, lambda p: raw(16, 0, 0, b"\0\0\0\0u=1")),
    "6.7_ping_on_a_stream": (PROTOCOL_ERROR, lambda p: raw(PING, 0, 1, bytes(8))),
    "6.7_ping_of_a_wrong_size": (FRAME_SIZE_ERROR, lambda p: raw(PING, 0, 0, bytes(7))),
    "6.8_goaway_on_a_stream": (PROTOCOL_ERROR, lambda p: raw(GOAWAY, 0, 1, bytes(8))),
    "6.8_goaway_of_a_wrong_size": (FRAME_SIZE_ERROR, lambda p: raw(GOAWAY, 0, 0, bytes(7))),
    "6.9_window_update_by_nothing": (PROTOCOL_ERROR, lambda p: raw(WINDOW_UPDATE, 0, 0, bytes(4))),
    "6.9_window_update_of_a_wrong_size": (FRAME_SIZE_ERROR, lambda p: raw(WINDOW_UPDATE, 0, 0, bytes(3))),
    "6.9.1_window_of_the_connection_overflows": (
        FLOW_CONTROL_ERROR,
        lambda p: raw(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff") * 2,
    ),
    "6.9.2_settings_make_a_window_overflow": (
        FLOW_CONTROL_ERROR,
        lambda p: opened(p) + raw(WINDOW_UPDATE, 0, 1, b"\x7f\xff\0\0") + raw(SETTINGS, 0, 0, b"\0\4\x7f\xff\xff\xff"),
    ),
    "6.10_continuation_after_the_end_of_the_block": (
        PROTOCOL_ERROR,
        lambda p: opened(p) + raw(CONTINUATION, END_HEADERS, 1, p.block(get())),
    ),
    "6.10_continuation_on_stream_0": (
        PROTOCOL_ERROR,
        lambda p: raw(HEADERS, 0, 1, p.block(get())) + raw(CONTINUATION, END_HEADERS, 0, b""),
    ),
    "6.10_continuation_after_a_continuation_that_ends": (
        PROTOCOL_ERROR,
        lambda p: raw(HEADERS, 0, 1, p.block(get())) + raw(CONTINUATION, END_HEADERS, 1, b"") * 2,
    ),
    "6.10_continuation_after_data": (
        PROTOCOL_ERROR,
        lambda p: opened(p) + raw(DATA, 0, 1, b"x") + raw(CONTINUATION, END_HEADERS, 1, b""),
    ),
    "8.4_push_promise": (PROTOCOL_ERROR, lambda p: opened(p) + raw(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2")),
}


@pytest.mark.parametrize("case", FATAL)
async def test_goaway(case: str) -> None:
    codes, frames = FATAL[case]
    async with connected() as peer:
        peer.send(frames(peer))
        await peer.goaway(*((codes,) if isinstance(codes, int) else codes))
        assert not peer.server.kernel.calls


async def test_a_faulty_connection_takes_its_running_calls_with_it() -> None:
    heard: list[str] = []

    async def app(scope, receive, send):  # type: ignore[no-untyped-def]
        while (event := await receive())["type"] != "http.disconnect":
            heard.append(event["type"])
        heard.append(event["type"])

    async with connected(app) as peer:
        peer.send(opened(peer), DataFrame(1, b"x"))
        await peer.server.settle()
        peer.send(raw(PING, 0, 0, b""))
        await peer.goaway(FRAME_SIZE_ERROR)
        await peer.server.settle()
        assert heard == ["http.request", "http.disconnect"]


# --- what ends a stream ---------------------------------------------------------------------------------------------


STREAM: dict[str, tuple[int, Frames]] = {
    "5.1_half_closed_data": (STREAM_CLOSED, lambda p: p.request(1).serialize() + raw(DATA, 0, 1, b"x")),
    "5.1_half_closed_headers": (STREAM_CLOSED, lambda p: p.request(1).serialize() + p.request(1).serialize()),
    "6.9_window_update_by_nothing": (PROTOCOL_ERROR, lambda p: opened(p) + raw(WINDOW_UPDATE, 0, 1, bytes(4))),
    "6.9.1_window_overflows": (
        FLOW_CONTROL_ERROR,
        lambda p: opened(p) + raw(WINDOW_UPDATE, 0, 1, b"\x7f\xff\xff\xff") * 2,
    ),
    "8.1_second_head": (PROTOCOL_ERROR, lambda p: opened(p) + p.request(1, [(b"x", b"y")], end=False).serialize()),
    "8.1_pseudo_field_in_trailers": (
        PROTOCOL_ERROR,
        lambda p: opened(p) + p.request(1, [(b":method", b"GET")]).serialize(),
    ),
    "8.1_bad_name_in_trailers": (PROTOCOL_ERROR, lambda p: opened(p) + p.request(1, [(b"X", b"y")]).serialize()),
}


@pytest.mark.parametrize("case", STREAM)
async def test_reset(case: str) -> None:
    code, frames = STREAM[case]
    async with connected() as peer:
        peer.send(frames(peer))
        frame = await peer.next(RstStreamFrame, 1)
        assert frame.error_code == code
        peer.send(peer.request(3))
        assert await peer.status(3) == 200
        assert not peer.of(GoAwayFrame)
        assert not peer.server.kernel.calls


@pytest.mark.parametrize("frame", ["data", "headers"])
async def test_what_was_on_its_way_when_the_server_reset_the_stream_is_ignored(frame: str) -> None:
    async with connected() as peer:
        peer.send(opened(peer), raw(WINDOW_UPDATE, 0, 1, bytes(4)))
        await peer.next(RstStreamFrame, 1)
        peer.send(DataFrame(1, b"x" * 1000) if frame == "data" else peer.request(1, [(b"x", b"y")]))
        peer.send(peer.request(3))
        assert await peer.status(3) == 200


async def test_headers_on_a_closed_stream_end_the_connection() -> None:
    async with connected() as peer:
        peer.send(peer.request(1))
        await served(peer, 1)
        peer.send(peer.request(1))
        await peer.goaway(STREAM_CLOSED)


async def test_continuation_on_a_closed_stream_ends_the_connection() -> None:
    async with connected() as peer:
        peer.send(peer.request(1))
        await served(peer, 1)
        peer.send(raw(CONTINUATION, END_HEADERS, 1, b""))
        await peer.goaway(PROTOCOL_ERROR, STREAM_CLOSED)


async def test_data_on_a_closed_stream_ends_the_connection() -> None:
    async with connected() as peer:
        peer.send(peer.request(1))
        await served(peer, 1)
        peer.send(DataFrame(1, b"x"))
        await peer.goaway(STREAM_CLOSED)


# --- the preface ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\nHost: test\r\n\r\n", b"INVALID CONNECTION PREFACE\r\n\r\n"])
async def test_a_wrong_preface_ends_the_connection(first: bytes) -> None:
    async with serving() as server:
        peer = Peer(server, begin=False)
        peer.send(first)
        await peer.goaway(PROTOCOL_ERROR)


@pytest.mark.parametrize("first", [raw(PING, 0, 0, bytes(8)), raw(SETTINGS, ACK, 0)])
async def test_settings_come_first(first: bytes) -> None:
    async with serving() as server:
        peer = Peer(server, begin=False)
        peer.send(PREFACE + first)
        await peer.goaway(PROTOCOL_ERROR)


async def test_the_server_speaks_first_and_frames_may_come_byte_by_byte() -> None:
    async with serving() as server:
        peer = Peer(server, begin=False)
        settings = await peer.next(SettingsFrame)
        assert settings.settings == {3: 100, 6: 65536, 9: 1}
        everything = PREFACE + SettingsFrame().serialize() + peer.request(1, post(), end=False).serialize()
        for byte in everything + DataFrame(1, b"hello", flags=["END_STREAM"]).serialize():
            peer.send(bytes((byte,)))
        await served(peer, 1, b"hello")
