"""All codecs make the same of every byte stream, however it is cut, and none of them fails on any."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.websocket_cases.fuzzing import segmented
from tricorn.registry import Registry
from tricorn.testing.ws_peer import Peer

CODECS = ("frames", "websockets", "wsproto")
OFFERS = {"plain": (), "deflate": (b"permessage-deflate; client_max_window_bits",)}
LIMIT = 100_000
FILLER = 2 * LIMIT

fuzz = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@functools.cache
def provider(name: str) -> Any:
    return Registry().load("ws", name).provider


def outcome(name: str, offers: tuple[bytes, ...], pieces: list[bytes], takes: list[int]) -> tuple[list[Any], Any]:
    """What the application hears in order, and the code of the answer. `takes`: after how many messages it is full."""
    peer = Peer(provider(name), limit=LIMIT, offers=offers)
    pauses = iter(takes)
    peer.take = next(pauses, None)
    for piece in pieces:
        peer.codec.receive(piece)
        while peer.take is not None and peer.take <= 0:
            peer.take = next(pauses, None)
            peer.codec.receive(b"")
    # Codecs may differ in when they look at a frame, not in what they make of it: let the last one become complete.
    peer.take = None
    peer.codec.receive(bytes(FILLER))
    events = [event[:2] if event[0] == "close" else event for event in peer.events]
    return events, peer.reply[0] if peer.replies else None


@pytest.mark.parametrize("offers", OFFERS)
@fuzz
@given(data=st.data())
def test_all_codecs_make_the_same_of_every_stream(offers: str, data: st.DataObject) -> None:
    whole, pieces = data.draw(segmented(offers == "deflate"))
    takes = data.draw(st.lists(st.integers(1, 3), max_size=3))
    first, *others = [outcome(name, OFFERS[offers], [whole], []) for name in CODECS]
    for name, other in zip(CODECS[1:], others, strict=True):
        assert other == first, name
    for name in CODECS:
        assert outcome(name, OFFERS[offers], pieces, takes) == first, name
