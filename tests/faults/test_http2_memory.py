"""One HTTP/2 connection that asks for memory on all of its streams at once."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hpack import Encoder
from hyperframe.frame import DataFrame, Frame, HeadersFrame, SettingsFrame

from tests.servers import WS, CommandLine, connect, push
from tests.watching import Watched
from tricorn.testing.ws_peer import BINARY, frame

MB = 1 << 20
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
STREAMS = range(1, 200, 2)
"""As many as a connection may have by default."""
WINDOW = 65535

Field = tuple[bytes, bytes]


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Watched]:
    arguments = ("tests.apps.abuse:app", "--port", "0", "--http", "h2,httptools", "--no-access-log", *options)
    with CommandLine(*arguments, directory=folder) as process:
        yield Watched(process)


def opening(window: int = WINDOW) -> bytes:
    """The client's first bytes: it takes so much on each stream."""
    return PREFACE + SettingsFrame(settings={SettingsFrame.INITIAL_WINDOW_SIZE: window}).serialize()


def request(encoder: Encoder, stream: int, method: bytes, path: bytes, *fields: Field, end: bool = False) -> bytes:
    """A request; the fields of an extended CONNECT come first."""
    head = [(b":method", method), (b":scheme", b"http"), (b":authority", b"test"), (b":path", path), *fields]
    flags = ["END_HEADERS", "END_STREAM"] if end else ["END_HEADERS"]
    return HeadersFrame(stream, encoder.encode(head), flags=flags).serialize()


def data(stream: int, payload: bytes) -> list[Frame]:
    """DATA frames."""
    return [DataFrame(stream, payload[at : at + 16384]) for at in range(0, len(payload), 16384)]


def test_a_hundred_uploads_that_nobody_reads(tmp_path: Path) -> None:
    with serving(tmp_path) as server, connect(server.address) as client:
        encoder = Encoder()
        client.sendall(opening())
        for stream in STREAMS:
            client.sendall(request(encoder, stream, b"POST", b"/unread"))
            client.sendall(b"".join(part.serialize() for part in data(stream, bytes(WINDOW))))
        while server.seen()["unread"] < len(STREAMS):
            pass
        assert server.growth < 12 * MB


def test_a_hundred_downloads_that_nobody_takes(tmp_path: Path) -> None:
    """Each application makes 16 KiB at a time, as many as it is let."""
    with serving(tmp_path) as server, connect(server.address) as client:
        encoder = Encoder()
        client.sendall(opening(window=0))
        for stream in STREAMS:
            client.sendall(request(encoder, stream, b"GET", b"/fresh", end=True))
        while server.seen()["fresh"] < len(STREAMS):
            pass
        sent, before = server.seen()["fresh"], -1
        while sent != before:
            sent, before = server.seen()["fresh"], sent
        assert server.growth < 12 * MB


@pytest.mark.parametrize("ws", WS)
def test_websocket_messages_that_do_not_end(ws: str, tmp_path: Path) -> None:
    """Each of them is as large as allowed, inflated from next to nothing."""
    packer = zlib.compressobj(wbits=-12)
    payload = packer.compress(bytes(4 * MB)) + packer.flush(zlib.Z_SYNC_FLUSH)
    message = frame(BINARY, payload, fin=False, rsv=4)
    fields = ((b"sec-websocket-version", b"13"), (b"sec-websocket-extensions", b"permessage-deflate"))
    with serving(tmp_path, "--ws", ws, "--ws-max-size", str(4 * MB)) as server, connect(server.address) as client:
        encoder = Encoder()
        client.sendall(opening())
        for stream in STREAMS[:30]:
            head = request(encoder, stream, b"CONNECT", b"/", (b":protocol", b"websocket"), *fields)
            push(client, head + b"".join(part.serialize() for part in data(stream, message)))
        while server.seen()["closed 1009"] < 26:
            pass
        assert server.growth < 48 * MB
