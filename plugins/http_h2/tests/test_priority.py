"""RFC 9218: what a client wishes, and the order in which it is served."""

from __future__ import annotations

import pytest
from hyperframe.frame import DataFrame, SettingsFrame, WindowUpdateFrame

from plugins.http_h2.tests.peer import Peer, connected, get, raw
from tricorn.api import Receive, Scope, Send
from tricorn_http_h2.priority import DEFAULT, Priority, parse

PRIORITY_UPDATE = 16


@pytest.mark.parametrize(
    ("value", "priority"),
    [
        (b"", Priority(3, False)),
        (b"u=0", Priority(0, False)),
        (b"u=7, i", Priority(7, True)),
        (b"i,u=1", Priority(1, True)),
        (b"i=?1", Priority(3, True)),
        (b"i=?0", Priority(3, False)),
        (b"u=1, u=2", Priority(2, False)),
        (b"u=5;x=y, i;z", Priority(5, True)),
        (b"u=8", Priority(3, False)),
        (b"u=-1", Priority(3, False)),
        (b"u=11, i=1, foo=bar", Priority(3, False)),
        (b"U=1", Priority(3, False)),
        (b"x" * 100_000, Priority(3, False)),
    ],
)
def test_a_priority_field_is_read(value: bytes, priority: Priority) -> None:
    assert parse(value) == priority


def test_nothing_said_means_that_streams_take_turns() -> None:
    assert Priority(3, True) == DEFAULT


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x" * 65536})


async def order(peer: Peer, fields: dict[int, bytes | None], *later: bytes) -> list[int]:
    """The streams of the DATA frames that come when all of them wait for the window of the connection."""
    peer.send(SettingsFrame(settings={4: 1 << 20}))
    peer.send(peer.request(1))
    await peer.until(lambda: len(peer.body(1)) == 65535)
    for stream, priority in fields.items():
        peer.send(peer.request(stream, get() if priority is None else [*get(), (b"priority", priority)]))
    await peer.server.settle()
    peer.send(*later)
    before = len(peer.of(DataFrame))
    peer.send(WindowUpdateFrame(0, 1 + len(fields) * 65536))
    await peer.until(lambda: all(peer.ended(stream) for stream in (1, *fields)))
    return [frame.stream_id for frame in peer.of(DataFrame)[before:] if frame.stream_id != 1]


async def test_lower_urgencies_are_sent_first() -> None:
    async with connected(app) as peer:
        assert await order(peer, {3: b"u=5", 5: b"u=0", 7: b"u=2"}) == [5] * 4 + [7] * 4 + [3] * 4


async def test_incremental_streams_take_turns() -> None:
    async with connected(app) as peer:
        assert await order(peer, {3: b"u=1, i", 5: b"u=1, i"}) == [3, 5] * 4


async def test_other_streams_of_one_urgency_follow_each_other() -> None:
    async with connected(app) as peer:
        assert await order(peer, {3: b"u=1", 5: b"u=1", 7: b"u=1, i"}) == [3] * 4 + [5] * 4 + [7] * 4


async def test_without_a_wish_streams_take_turns() -> None:
    """An endless response must not keep the others of a client that knows nothing of priorities waiting."""
    async with connected(app) as peer:
        assert await order(peer, {3: None, 5: None, 7: None}) == [3, 5, 7] * 4


async def test_a_priority_may_be_updated_while_the_stream_waits() -> None:
    async with connected(app) as peer:
        update = raw(PRIORITY_UPDATE, 0, 0, b"\0\0\0\x05u=0")
        assert await order(peer, {3: b"u=2", 5: b"u=4"}, update) == [5] * 4 + [3] * 4


async def test_a_priority_may_come_before_its_stream() -> None:
    async with connected(app) as peer:
        peer.send(raw(PRIORITY_UPDATE, 0, 0, b"\0\0\0\x05u=0"))
        assert await order(peer, {3: b"u=2", 5: b"u=4"}) == [5] * 4 + [3] * 4


async def test_priorities_of_streams_that_never_come_are_kept_for_so_many() -> None:
    async with connected(app, h2_max_streams=10) as peer:
        for stream in range(1, 401, 2):
            peer.send(raw(PRIORITY_UPDATE, 0, 0, stream.to_bytes(4, "big") + b"u=0"))
        (connection,) = peer.server.kernel.connections
        assert len(connection.priorities) == 10  # type: ignore[attr-defined]
