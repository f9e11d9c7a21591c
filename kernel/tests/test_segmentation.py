"""Bytes mean the same however the network cuts them, broken ones too, and whatever codec reads them.

`TRICORN_EXAMPLES=20000` runs for long.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tricorn.api import HttpProvider, Unavailable
from tricorn.exchange import BODY_LIMIT
from tricorn.http1 import BACKLOG_LIMIT
from tricorn.registry import PluginError, Registry
from tricorn.testing.calls import Calls
from tricorn.testing.http1_bodies import BAD_BODIES, GOOD_BODIES
from tricorn.testing.http1_cases import BAD_REQUESTS, ODD_REQUESTS
from tricorn.testing.http1_client import Http1Client
from tricorn.testing.memory_server import memory_server, run_in_memory
from tricorn.testing.replay import Outcome, replay
from tricorn.testing.strict import STRICT

EXAMPLES = int(os.environ.get("TRICORN_EXAMPLES", "250"))
PROFILE = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES == 250, suppress_health_check=list(HealthCheck)
)

SMALL = 1000
"""Bytes of a message that is worth cutting anywhere."""
CHUNKED = b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"


def providers() -> dict[str, HttpProvider]:
    """The kernel's own reader, and every codec that is installed."""
    found = {"strict": STRICT}
    registry = Registry()
    for name in sorted(registry.names("http")):
        try:
            provider = registry.load("http", name).provider
        except (PluginError, Unavailable):
            continue
        if provider.codec is not None:
            found[name] = provider
    return found


PROVIDERS = providers()

good = st.sampled_from(
    [request for request, _, _ in ODD_REQUESTS.values() if len(request) < SMALL]
    + [CHUNKED + sent for sent, _ in GOOD_BODIES.values() if len(sent) < SMALL]
)
bad = st.sampled_from(
    [request for request, _ in BAD_REQUESTS.values() if len(request) < SMALL]
    + [CHUNKED + sent for sent, _ in BAD_BODIES.values() if len(sent) < SMALL]
)
persistent = st.sampled_from(
    [request for request, _, _ in ODD_REQUESTS.values() if len(request) < SMALL and b" HTTP/1.0\r\n" not in request]
    + [CHUNKED + b"0\r\n\r\n"]
)
noise = st.one_of(
    st.binary(max_size=20),
    st.sampled_from(
        [b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\0", b" ", b"\t", b":", b"0\r\n\r\n", b"GET / HTTP/1.1\r\n"]
    ),
)


@st.composite
def inputs(draw: st.DrawFn) -> bytes:
    """Requests in a row, the last ones bad or damaged."""
    parts = draw(st.lists(good, max_size=3)) + draw(st.lists(st.one_of(good, bad, noise), max_size=2))
    data = bytearray(b"".join(parts))
    for _ in range(draw(st.integers(0, 2))):
        position = draw(st.integers(0, len(data)))
        data[position : position + draw(st.integers(0, 3))] = draw(noise)
    return bytes(data)


@st.composite
def cut(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """An input, and the same in segments."""
    data = draw(inputs())
    ends = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return data, [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


@pytest.mark.parametrize("name", PROVIDERS)
@PROFILE
@given(case=cut())
def test_segments_mean_what_the_whole_means(name: str, case: tuple[bytes, list[bytes]]) -> None:
    data, segments = case
    assert replay(PROVIDERS[name], segments) == replay(PROVIDERS[name], [data])


@PROFILE
@given(data=inputs())
def test_all_codecs_say_the_same(data: bytes) -> None:
    outcomes: dict[str, Outcome] = {name: replay(provider, [data]) for name, provider in PROVIDERS.items()}
    assert all(outcome == outcomes["strict"] for outcome in outcomes.values())


@pytest.mark.parametrize("name", PROVIDERS)
@PROFILE
@given(before=st.lists(persistent, max_size=4), data=inputs())
def test_what_was_read_before_changes_nothing(name: str, before: list[bytes], data: bytes) -> None:
    """The kernel remembers lines; whatever it remembers, each head is judged as if it were the first."""
    provider = PROVIDERS[name]
    first, both = replay(provider, [data]), replay(provider, [*before, data])
    assert len(both.requests) == len(before) + len(first.requests)
    assert both.requests[len(before) :] == first.requests
    assert both.statuses[len(before) :] == first.statuses


@PROFILE
@given(begin=st.one_of(good, bad, st.just(b"")), unit=st.one_of(noise, good).filter(bool))
def test_no_repetition_makes_the_connection_keep_much(begin: bytes, unit: bytes) -> None:
    segment = unit * (8192 // len(unit) + 1)

    async def check() -> None:
        calls = Calls()
        async with memory_server(calls.app, STRICT) as server:
            client = Http1Client(server, any_answers=True)
            client.send_raw(begin)
            await server.settle(2)
            sent = 0
            while sent < 600_000 and not client.closed:
                client.send_raw(segment)
                sent += len(segment)
                await server.settle(1)
            # Nobody answers and nobody reads a body: what the server has taken it keeps, or has refused.
            kept = sent - client.transport.client_unsent
            assert client.closed or kept <= 2 * BACKLOG_LIMIT + 4 * len(segment)
            assert calls.count <= 1

    run_in_memory(check())


@settings(PROFILE, max_examples=EXAMPLES // 10)
@given(data=st.binary(min_size=1, max_size=20), extension=st.sampled_from([b"", b";a", b";a=b", b";" + b"a" * 50]))
def test_no_chunks_make_the_connection_keep_much(data: bytes, extension: bytes) -> None:
    chunk = b"%x%b\r\n%b\r\n" % (len(data), extension, data)
    segment = chunk * (8192 // len(chunk))

    async def check() -> None:
        calls = Calls()
        async with memory_server(calls.app, STRICT) as server:
            client = Http1Client(server)
            client.ask_raw(CHUNKED)
            call = await calls()
            while client.transport.is_reading():
                client.send_raw(segment)
                await server.settle(1)
            assert len((await call.receive())["body"]) <= BODY_LIMIT + len(segment)

    run_in_memory(check())
