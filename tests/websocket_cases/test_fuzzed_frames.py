"""All codecs make the same of every byte stream, however it is cut, and none of them fails on any."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.websocket_cases.fuzzing import segmented
from tricorn.registry import Registry
from tricorn.testing.ws_peer import heard

CODECS = ("frames", "websockets", "wsproto")
OFFERS: dict[str, tuple[bytes, ...]] = {"plain": (), "deflate": (b"permessage-deflate; client_max_window_bits",)}
LIMIT = 100_000

fuzz = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@functools.cache
def provider(name: str) -> Any:
    return Registry().load("ws", name).provider


@pytest.mark.parametrize("offers", OFFERS)
@fuzz
@given(data=st.data())
def test_all_codecs_make_the_same_of_every_stream(offers: str, data: st.DataObject) -> None:
    whole, pieces = data.draw(segmented(offers == "deflate"))
    takes = data.draw(st.lists(st.integers(1, 3), max_size=3))
    hear = functools.partial(heard, limit=LIMIT, offers=OFFERS[offers])
    first, *others = [hear(provider(name), [whole]) for name in CODECS]
    for name, other in zip(CODECS[1:], others, strict=True):
        assert other == first, name
    for name in CODECS:
        assert hear(provider(name), pieces, takes) == first, name
