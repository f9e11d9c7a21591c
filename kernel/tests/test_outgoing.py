"""How frames leave: small ones copied into one write, large ones as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from tricorn.api import Stream
from tricorn.kernel import Kernel
from tricorn.outgoing import LARGE_GATHER_LIMIT, PIECE, Outgoing

LARGE = b"l" * (3 * PIECE)


class FakeStream:
    """Keeps what it is given, and how."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def send_data(self, data: bytes, end: bool) -> None:
        self.sent.append(data)

    def send_pieces(self, pieces: Sequence[bytes]) -> None:
        self.sent.append(list(pieces))


class FakeKernel:
    def __init__(self) -> None:
        self.at_end: list[Callable[[], None]] = []

    def at_turn_end(self, callback: Callable[[], None]) -> None:
        self.at_end.append(callback)


def outgoing() -> tuple[Outgoing, FakeStream, FakeKernel]:
    kernel, stream = FakeKernel(), FakeStream()
    return Outgoing(cast("Kernel", kernel), cast("Stream", stream)), stream, kernel


def test_a_large_payload_is_not_copied() -> None:
    out, stream, _ = outgoing()
    out.gather_pieces((b"head", LARGE), False)
    [[head, payload]] = stream.sent
    assert head == b"head"
    assert payload is LARGE


def test_large_frames_leave_together_and_in_order_with_small_ones() -> None:
    out, stream, _ = outgoing()
    out.gather(b"small", True)
    out.gather_pieces((b"1", LARGE), True)
    out.gather_pieces((b"2", LARGE), False)
    assert [b"".join(pieces) for pieces in stream.sent] == [b"small1" + LARGE + b"2" + LARGE]


def test_many_small_frames_are_copied_even_beside_a_large_one() -> None:
    out, stream, _ = outgoing()
    for _ in range(100):
        out.gather(b"small", True)
    out.gather_pieces((b"head", LARGE), False)
    assert stream.sent == [b"small" * 100 + b"head" + LARGE]


def test_a_large_frame_leaves_at_the_end_of_the_turn_at_the_latest() -> None:
    out, stream, kernel = outgoing()
    out.gather_pieces((b"1", LARGE), True)
    out.gather_pieces((b"2", LARGE), True)
    assert stream.sent == []
    [flush] = kernel.at_end
    flush()
    assert stream.sent == [[b"1", LARGE, b"2", LARGE]]


def test_large_frames_are_gathered_up_to_a_limit() -> None:
    out, stream, _ = outgoing()
    for _ in range(LARGE_GATHER_LIMIT // len(LARGE) + 1):
        out.gather_pieces((b"", LARGE), True)
    assert len(stream.sent) == 1


def test_nothing_is_sent_where_nothing_more_can_be() -> None:
    out, stream, _ = outgoing()
    out.release()
    out.gather_pieces((b"head", LARGE), False)
    assert stream.sent == []
