"""The answer to offers of permessage-deflate, and inflating that stops at its limit."""

from __future__ import annotations

import tracemalloc
import zlib

import pytest

from tricorn.deflate import TAIL, Deflater, Inflater, negotiate


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        (b"permessage-deflate", b"permessage-deflate; server_max_window_bits=12"),
        (
            b"permessage-deflate; client_max_window_bits",
            b"permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
        ),
        (
            b"permessage-deflate; client_max_window_bits=9; server_max_window_bits=10",
            b"permessage-deflate; server_max_window_bits=10; client_max_window_bits=9",
        ),
        (
            b"Permessage-Deflate;server_no_context_takeover;client_no_context_takeover",
            b"permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12",
        ),
        (b'permessage-deflate; server_max_window_bits="9"', b"permessage-deflate; server_max_window_bits=9"),
        (b"permessage-deflate; nonsense, permessage-deflate", b"permessage-deflate; server_max_window_bits=12"),
    ],
)
def test_offers_are_answered(offer: bytes, answer: bytes) -> None:
    agreed = negotiate([offer])
    assert agreed is not None
    assert agreed.header == answer


@pytest.mark.parametrize(
    "offer",
    [
        b"",
        b"permessage-bzip2",
        b"permessage-deflate; server_max_window_bits=8",
        b"permessage-deflate; server_max_window_bits",
        b"permessage-deflate; client_max_window_bits=16",
        b"permessage-deflate; server_no_context_takeover=0",
        b"permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        b"permessage-deflate; =",
    ],
)
def test_offers_that_cannot_be_met_are_declined(offer: bytes) -> None:
    assert negotiate([offer]) is None


def test_a_message_in_parts_is_one_message() -> None:
    deflater = Deflater(12, True)
    payload = deflater.deflate(b"one ", False) + deflater.deflate(b"message")
    assert zlib.decompress(payload + TAIL + b"\3\0", wbits=-12) == b"one message"


def test_context_is_taken_over_or_not() -> None:
    data = bytes(range(256))
    for keeps in (True, False):
        deflater, inflater = Deflater(12, keeps), Inflater(12, keeps)
        first, second = deflater.deflate(data), deflater.deflate(data)
        assert (len(second) < len(first) // 4) is keeps
        assert [inflater.inflate(part, True, 1000) for part in (first, second)] == [data, data]


def test_inflating_stops_behind_the_limit() -> None:
    bomb = Deflater(15, True).deflate(bytes(50_000_000))
    tracemalloc.start()
    assert len(Inflater(15, True).inflate(bomb, True, 1000)) == 1001
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("behind", [b"x", b"\0x", TAIL])
def test_nothing_may_follow_the_last_block(behind: bytes) -> None:
    stream = zlib.compressobj(wbits=-12)
    payload = stream.compress(b"data") + stream.flush() + behind
    with pytest.raises(zlib.error):
        Inflater(12, True).inflate(payload, True, 1000)


def test_what_is_not_deflate_is_an_error() -> None:
    with pytest.raises(zlib.error):
        Inflater(12, True).inflate(b"\xff" * 10, True, 1000)
