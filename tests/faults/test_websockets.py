"""WebSockets that ask for memory: bombs, floods, and ends that do not read."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import pytest

from tests.servers import WS, CommandLine, connect, push, read_until
from tests.watching import Watched

MB = 1 << 20
HANDSHAKE = (
    b"GET %b HTTP/1.1\r\nhost: test\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-extensions: permessage-deflate\r\n\r\n"
)
TEXT, BINARY, PING, FIN, COMPRESSED = 0x01, 0x02, 0x09, 0x80, 0x40
LARGEST = 16 * MB
"""The largest message by default."""


@pytest.fixture(scope="module", params=WS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    arguments = ("tests.apps.abuse:app", "--port", "0", "--ws", request.param, "--no-access-log")
    with CommandLine(*arguments, directory=tmp_path_factory.mktemp("server")) as process:
        yield Watched(process)


def frame(first: int, payload: bytes) -> bytes:
    """A frame of a client, whose mask is zero: the payload is what it is. first: FIN, RSV bits and opcode."""
    size = len(payload)
    if size < 126:
        head = bytes((first, 0x80 | size))
    elif size < 65536:
        head = bytes((first, 0xFE)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, 0xFF)) + size.to_bytes(8, "big")
    return head + bytes(4) + payload


def bomb(size: int) -> bytes:
    """A compressed message of so many zeros, a thousandth in length."""
    compressor = zlib.compressobj(wbits=-15)
    data = b"".join(compressor.compress(bytes(MB)) for _ in range(size // MB))
    data += compressor.flush(zlib.Z_SYNC_FLUSH)
    return frame(FIN | COMPRESSED | BINARY, data[:-4])


def test_messages_that_nobody_receives_stay_with_their_sender(server: Watched) -> None:
    with connect(server.address) as client:
        client.sendall(HANDSHAKE % b"/unread")
        read_until(client, b"\r\n\r\n")
        assert push(client, frame(FIN | BINARY, bytes(60_000)), 1024 * MB) < 16 * MB
        assert server.seen()["unread"]
    assert server.growth < 24 * MB


def test_a_bomb_is_not_inflated_beyond_the_limit(server: Watched) -> None:
    with connect(server.address) as client:
        client.sendall(HANDSHAKE % b"/echo" + bomb(128 * MB))
        assert read_until(client, b"\x03\xf1")  # 1009 in a close frame
        server.seen()
    assert server.growth < 3 * LARGEST


def test_bombs_within_the_limit_are_inflated_one_by_one(server: Watched) -> None:
    with connect(server.address) as client:
        client.sendall(HANDSHAKE % b"/unread")
        read_until(client, b"\r\n\r\n")
        push(client, bomb(8 * MB) * 100)
        server.seen()
    assert server.growth < 3 * LARGEST


@pytest.mark.parametrize(
    "part",
    [frame(FIN | PING, bytes(125)), frame(FIN | TEXT, b""), frame(0, b""), frame(0, b"x")],
    ids=["pings", "empty messages", "empty fragments", "fragments of one byte"],
)
def test_a_flood_of_small_frames_is_bounded(server: Watched, part: bytes) -> None:
    """The client reads nothing of what it gets for it."""
    begin = frame(TEXT, b"") if part[0] == 0 else b""
    with connect(server.address) as client:
        client.sendall(HANDSHAKE % b"/echo" + begin)
        read_until(client, b"\r\n\r\n")
        push(client, part * (MB // len(part)))
        server.seen()
    assert server.growth < 3 * LARGEST


def test_messages_for_a_client_that_does_not_read_wait_in_the_application(server: Watched) -> None:
    with connect(server.address) as client:
        client.sendall(HANDSHAKE % b"/flood")
        read_until(client, b"\r\n\r\n")
        sent, before = server.seen().get("messages", 0), -1
        while sent == 0 or sent != before:
            sent, before = server.seen().get("messages", 0), sent
        assert sent < 64
    assert server.growth < 3 * LARGEST
