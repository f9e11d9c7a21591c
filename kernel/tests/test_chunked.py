"""The reader of chunked bodies: the same body and the same end however it is cut, refusals at once, bounded memory."""

from __future__ import annotations

import sys

import pytest

from tricorn.api import Refusal
from tricorn.chunked import SIZE_LINE_LIMIT, TRAILER_LIMIT, ChunkedReader
from tricorn.testing.http1_bodies import BAD_BODIES, GOOD_BODIES


def read(sent: bytes, size: int) -> tuple[bytes, int]:
    """The body, and how many bytes it took."""
    reader = ChunkedReader()
    body = b""
    for start in range(0, len(sent), size):
        piece, end = reader.read(sent[start : start + size], 0)
        body += piece
        if end >= 0:
            return body, start + end
    return body, -1


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100_000])
@pytest.mark.parametrize("name", GOOD_BODIES)
def test_reads_the_body_and_finds_its_end(name: str, size: int) -> None:
    sent, body = GOOD_BODIES[name]
    assert read(sent + b"GET / HTTP/1.1\r\n", size) == (body, len(sent))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100_000])
@pytest.mark.parametrize("name", BAD_BODIES)
def test_refuses(name: str, size: int) -> None:
    sent, status = BAD_BODIES[name]
    with pytest.raises(Refusal) as raised:
        read(sent, size)
    assert raised.value.status == status


@pytest.mark.parametrize("name", GOOD_BODIES)
def test_the_beginning_of_a_good_body_is_never_refused(name: str) -> None:
    sent, body = GOOD_BODIES[name]
    step = max(1, len(sent) // 200)
    for end in range(0, len(sent), step):
        assert body.startswith(read(sent[:end], 100_000)[0])


def test_reading_starts_where_the_head_ended() -> None:
    assert ChunkedReader().read(b"HEAD5\r\nhello\r\n0\r\n\r\nNEXT", 4) == (b"hello", 19)


def test_the_end_is_told_in_the_bytes_that_brought_it() -> None:
    reader = ChunkedReader()
    assert reader.read(b"xx5\r\nhello\r\n0", 2) == (b"hello", -1)
    assert reader.read(b"xxx\r\n\r\nNEXT", 3) == (b"", 7)


@pytest.mark.parametrize(
    ("begin", "unit", "limit"),
    [
        (b"5;a=", b"b", SIZE_LINE_LIMIT),
        (b"", b"0", SIZE_LINE_LIMIT),
        (b"0\r\nX: ", b"y", TRAILER_LIMIT),
        (b"0\r\n", b"X:\r\n", TRAILER_LIMIT),
    ],
)
def test_endless_lines_are_refused_before_they_cost_memory(begin: bytes, unit: bytes, limit: int) -> None:
    reader = ChunkedReader()
    reader.read(begin, 0)
    sent = 0

    def send() -> None:
        nonlocal sent
        while True:
            reader.read(unit * 20, 0)
            sent += len(unit) * 20

    with pytest.raises(Refusal):
        send()
    assert sent <= limit
    assert sys.getsizeof(reader._partial) <= limit + 200


def test_size_lines_that_are_remembered_are_bounded() -> None:
    from tricorn import chunked

    reader = ChunkedReader()
    for number in range(3000):
        reader.read(b"1;a%d\r\nx\r\n" % number, 0)
    assert len(chunked._sizes) <= 1024
