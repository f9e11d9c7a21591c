"""Fuzz the frames of a WebSocket through one codec, guided by coverage: `python fuzz/websocket.py frames -runs=100000`.

What the codec makes of an input, cut into reads, for an application that takes its messages one by one, has to be what
another codec makes of the whole: the same messages, the same pings, the same close code. Any difference and any
exception ends the run with the input that caused it. Needs `pip install atheris`. The arguments behind the codec's
name are libFuzzer's; without a corpus among them the run begins with frames of every kind, good and broken.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

INSTRUMENTED = ["tricorn", "tricorn_ws_frames", "tricorn_ws_websockets", "tricorn_ws_wsproto", "websockets", "wsproto"]

with atheris.instrument_imports(include=INSTRUMENTED):
    from tricorn.api import WsProvider
    from tricorn.registry import Registry
    from tricorn.testing.ws_peer import BINARY, CLOSE, CONT, PING, PONG, TEXT, close_frame, deflate, frame, heard

LIMIT = 5000
"""Bytes of a message, below what an input may be inflated to."""
OFFER = (b"permessage-deflate; client_max_window_bits",)
CODE = (1000).to_bytes(2, "big")

SEEDS = [
    frame(TEXT, "κόσμε".encode()) + frame(BINARY, b"\0\xff") + close_frame(1000, b"bye"),
    frame(TEXT, "κόσμε".encode()[:3], fin=False) + frame(PING, b"?") + frame(CONT, "κόσμε".encode()[3:]),
    frame(BINARY, b"*" * 126) + frame(BINARY, b"*" * 10, form=64) + frame(PONG),
    frame(BINARY, bytes(4000), fin=False) + frame(CONT, bytes(2000)),
    frame(BINARY, length=1 << 40, form=64),
    frame(TEXT, b"\xed\xa0\x80"),
    frame(TEXT, b"\xc0\xaf", fin=False),
    frame(PING, b"", fin=False),
    frame(PING, b"*" * 126),
    frame(CONT, b"first"),
    frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"),
    frame(TEXT, b"a", mask=None),
    frame(3) + frame(11),
    frame(TEXT, b"a", rsv=2),
    *(close_frame(code) for code in (999, 1005, 1014, 1015, 2999, 3000, 5000)),
    frame(CLOSE) + frame(TEXT, b"too late"),
    frame(CLOSE, b"\3"),
    frame(CLOSE, CODE + b"\xff"),
    frame(TEXT, deflate(b"Hello " * 9), rsv=4) + frame(TEXT, deflate(b"Hello"), rsv=4),
    frame(BINARY, deflate(b"Hello")[:3], rsv=4, fin=False) + frame(CONT, deflate(b"Hello")[3:]),
    frame(BINARY, deflate(bytes(1 << 20)), rsv=4),
    frame(TEXT, deflate(b"\xff"), rsv=4),
    frame(TEXT, b"no deflate", rsv=4),
    frame(TEXT, b"a", fin=False) + frame(CONT, b"b", rsv=4),
]


def check(provider: WsProvider, other: WsProvider, data: bytes) -> None:
    """Compare; the first byte of the input says how long the reads are and whether compression was agreed."""
    first, data = (data[0] if data else 0), data[1:]
    offers, size = OFFER * (first & 1), 1 + (first >> 1)
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    found = heard(provider, pieces, [1] * len(data), limit=LIMIT, offers=offers)
    assert found == heard(other, [data], limit=LIMIT, offers=offers)


def main() -> None:
    """Run libFuzzer until it finds something or its limits are reached."""
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(f"usage: {sys.argv[0]} CODEC [libFuzzer's arguments]")
    name, *arguments = sys.argv[1:]
    registry = Registry()
    with atheris.instrument_imports(include=INSTRUMENTED):  # only now the plugins are imported
        provider = registry.load("ws", name).provider
        other = registry.load("ws", "websockets" if name == "frames" else "frames").provider
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(SEEDS):
            for first in (0, 1, 254, 255):  # single bytes or long reads, without compression or with it
                (Path(folder) / f"{number:03}-{first}").write_bytes(bytes((first,)) + seed)
        corpus = [argument for argument in arguments if not argument.startswith("-")]
        options = [sys.argv[0], f"-max_len={2 * LIMIT}", *arguments, *([] if corpus else [folder])]
        atheris.Setup(options, lambda data: check(provider, other, data))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
