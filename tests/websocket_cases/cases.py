"""Every kind of thing that a conformance test of servers tries on a WebSocket, as data.

The areas and their numbers follow the order that is usual for such tests: framing, pings, reserved bits, opcodes,
fragmentation, UTF-8, closing, limits, compression. The server under test sends every message back; the limit of a
message is 1 MiB. Large messages, and compressed ones of every size, are in `numbered`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from tricorn.testing.ws_peer import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    PONG,
    TEXT,
    close_frame,
    deflate,
    frame,
    single_bytes,
)

Answer = tuple[int, bytes]


@dataclass(frozen=True)
class Case:
    """What is sent, in pieces; the frames that come back; and the code of the server's close frame.

    ends: the client sends a close frame with code 1000 behind, and the server answers it. in_turn: the pieces are
    messages, and each is sent when the one before has come back. offer, agreed: the extensions that the client offers,
    and those that the server takes; answers are given inflated.
    """

    pieces: tuple[bytes, ...]
    answers: tuple[Answer, ...] = ()
    code: int | None = 1000
    ends: bool = True
    in_turn: bool = False
    offer: bytes = b""
    agreed: bytes = b""


Cases = Iterator[tuple[str, Case]]


def ok(*pieces: bytes, answers: tuple[Answer, ...] = ()) -> Case:
    """Something legal."""
    return Case(pieces, answers)


def bad(*pieces: bytes, code: int = 1002, answers: tuple[Answer, ...] = ()) -> Case:
    """Something illegal: refused, behind the answers to what came before."""
    return Case(pieces, answers, code, ends=False)


def chopped(data: bytes, size: int) -> tuple[bytes, ...]:
    """The data in writes of some bytes."""
    return tuple(data[at : at + size] for at in range(0, len(data), size))


def fragments(opcode: int, parts: Sequence[bytes], rsv: int = 0) -> tuple[bytes, ...]:
    """One message, each part in a frame of its own."""
    last = len(parts) - 1
    return tuple(
        frame(CONT if index else opcode, part, fin=index == last, rsv=0 if index else rsv)
        for index, part in enumerate(parts)
    )


def echo(opcode: int, data: bytes) -> Case:
    """One message, sent back."""
    return ok(frame(opcode, data), answers=((opcode, data),))


def framing() -> Cases:
    """1: messages of all sizes."""
    for kind, opcode in (("text", TEXT), ("binary", BINARY)):
        for size in (0, 1, 125, 126, 127, 128, 65535, 65536):
            yield f"{kind} of {size}", echo(opcode, b"*" * size)
        data = b"*" * 65536
        yield f"{kind} in pieces of 997", ok(*chopped(frame(opcode, data), 997), answers=((opcode, data),))


def pings() -> Cases:
    """2: pings and pongs."""
    for name, payload in (("no", b""), ("small", b"Hello"), ("binary", b"\x00\xff\xfe\xfd"), ("full", b"\xfe" * 125)):
        yield f"{name} payload", ok(frame(PING, payload), answers=((PONG, payload),))
    yield "too long", bad(frame(PING, b"\xfe" * 126))
    yield "single bytes", ok(*single_bytes(frame(PING, b"\xfe" * 125)), answers=((PONG, b"\xfe" * 125),))
    yield "unasked pong", ok(frame(PONG))
    yield "unasked pong with payload", ok(frame(PONG, b"unasked"))
    yield "pong, then ping", ok(frame(PONG, b"unasked"), frame(PING, b"asked"), answers=((PONG, b"asked"),))
    ten = [b"payload-%d" % number for number in range(10)]
    answers = tuple((PONG, payload) for payload in ten)
    yield "ten", ok(*(frame(PING, payload) for payload in ten), answers=answers)
    yield "ten in single bytes", ok(*(b for p in ten for b in single_bytes(frame(PING, p))), answers=answers)


def reserved_bits() -> Cases:
    """3: bits that nobody gave a meaning."""
    hello = frame(TEXT, b"Hello, world!")
    before = ((TEXT, b"Hello, world!"),)
    for rsv in range(1, 8):
        yield f"rsv {rsv}", bad(frame(TEXT, b"x", rsv=rsv))
        yield f"rsv {rsv} behind a message", bad(hello, frame(TEXT, b"x", rsv=rsv), frame(PING), answers=before)
        together = hello + frame(BINARY, b"x", rsv=rsv) + frame(PING)
        yield f"rsv {rsv} in one piece", bad(together, answers=before)
        yield f"rsv {rsv} in single bytes", bad(*single_bytes(hello), frame(TEXT, b"x", rsv=rsv), answers=before)
        yield f"rsv {rsv} on a ping", bad(frame(PING, b"x", rsv=rsv))
        yield f"rsv {rsv} on a close frame", bad(frame(CLOSE, b"\x03\xe8", rsv=rsv))


def opcodes() -> Cases:
    """4: opcodes that nobody gave a meaning."""
    hello = frame(TEXT, b"Hello, world!")
    before = ((TEXT, b"Hello, world!"),)
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        yield f"opcode {opcode}", bad(frame(opcode))
        yield f"opcode {opcode} with payload", bad(frame(opcode, b"reserved"))
        yield f"opcode {opcode} behind a message", bad(hello, frame(opcode), frame(PING), answers=before)
        yield f"opcode {opcode} in one piece", bad(hello + frame(opcode, b"x") + frame(PING), answers=before)
        yield f"opcode {opcode} in single bytes", bad(*single_bytes(hello + frame(opcode)), answers=before)


def fragmentation() -> Cases:
    """5: messages in several frames."""
    whole = ((TEXT, b"fragment1fragment2"),)
    first, last = frame(TEXT, b"fragment1", fin=False), frame(CONT, b"fragment2")
    middle = frame(CONT, b"fragment2", fin=False)
    nothing = frame(CONT)
    yield "fragmented ping", bad(frame(PING, b"a", fin=False), frame(CONT, b"b"))
    yield "fragmented pong", bad(frame(PONG, b"a", fin=False), frame(CONT, b"b"))
    yield "two fragments", ok(first, last, answers=whole)
    yield "two fragments in one piece", ok(first + last, answers=whole)
    yield "two fragments in single bytes", ok(*single_bytes(first + last), answers=whole)
    for name, pieces in (
        ("pieces", (first, frame(PING, b"p"), last)),
        ("one piece", (first + frame(PING, b"p") + last,)),
    ):
        yield f"ping between in {name}", ok(*pieces, answers=((PONG, b"p"), *whole))
    yield (
        "ping between in single bytes",
        ok(*single_bytes(first + frame(PING, b"p") + last), answers=((PONG, b"p"), *whole)),
    )
    for fin in (True, False):
        stray = frame(CONT, b"non-continuation", fin=fin)
        yield f"continuation of nothing, fin {fin}", bad(stray, frame(TEXT, b"Hello"))
        yield f"continuation of nothing in one piece, fin {fin}", bad(stray + frame(TEXT, b"Hello"))
        yield f"continuation of nothing in single bytes, fin {fin}", bad(*single_bytes(stray + frame(TEXT, b"Hello")))
        again = (first, last, frame(CONT, b"fragment3", fin=fin), frame(TEXT, b"x", fin=False))
        yield f"continuation after the end, fin {fin}", bad(*again, answers=whole)
    yield "a message within a message", bad(first, frame(TEXT, b"fragment2"))
    yield (
        "many pings between",
        ok(
            first,
            frame(PING, b"1"),
            middle,
            frame(CONT, b"fragment3", fin=False),
            frame(PING, b"2"),
            frame(CONT, b"fragment4", fin=False),
            frame(CONT, b"fragment5"),
            answers=((PONG, b"1"), (PONG, b"2"), (TEXT, b"fragment1fragment2fragment3fragment4fragment5")),
        ),
    )
    yield "three empty fragments", ok(frame(TEXT, fin=False), frame(CONT, fin=False), nothing, answers=((TEXT, b""),))
    yield (
        "empty but for the middle",
        ok(frame(TEXT, fin=False), frame(CONT, b"middle", fin=False), nothing, answers=((TEXT, b"middle"),)),
    )
    for kind, opcode in (("text", TEXT), ("binary", BINARY)):
        parts = [b"%05d" % number for number in range(200)]
        yield f"{kind} in 200 fragments", ok(*fragments(opcode, parts), answers=((opcode, b"".join(parts)),))


GOOD_TEXT = (
    "κόσμε",
    "\0",
    "\x7f",
    "\x80",
    "\u07ff",
    "\u0800",
    "\ud7ff",
    "\ue000",
    "\ufffd",
    "\ufffe",
    "\uffff",
    "\ufdd0",
    "\U00010000",
    "\U0001fffe",
    "\U0010fffe",
    "\U0010ffff",
    "Hello-µ@ßöäüàá-UTF-8!!",
    "\ufeffbyte order mark",
    "日本語 العربية עברית 🦄🇪🇺",
)
BAD_BYTES = (
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80edited",
    b"\x80",
    b"\xbf",
    b"\x80\xbf\x80\xbf",
    bytes(range(128, 192)),
    b" ".join(bytes((byte,)) for byte in range(192, 224)) + b" ",
    b" ".join(bytes((byte,)) for byte in range(224, 256)) + b" ",
    b"\xc0",
    b"\xe0\x80",
    b"\xf0\x80\x80",
    b"\xf8\x80\x80\x80",
    b"\xfc\x80\x80\x80\x80",
    b"\xdf",
    b"\xef\xbf",
    b"\xf7\xbf\xbf",
    b"\xfe",
    b"\xff",
    b"\xfe\xfe\xff\xff",
    b"\xc0\xaf",
    b"\xe0\x80\xaf",
    b"\xf0\x80\x80\xaf",
    b"\xf8\x80\x80\x80\xaf",
    b"\xfc\x80\x80\x80\x80\xaf",
    b"\xc1\xbf",
    b"\xe0\x9f\xbf",
    b"\xf0\x8f\xbf\xbf",
    b"\xc0\x80",
    b"\xe0\x80\x80",
    b"\xf0\x80\x80\x80",
    b"\xed\xa0\x80",
    b"\xed\xad\xbf",
    b"\xed\xbf\xbf",
    b"\xed\xa0\x80\xed\xb0\x80",
    b"\xed\xaf\xbf\xed\xbf\xbf",
    b"\xf4\x90\x80\x80",
    b"\xf7\xbf\xbf\xbf",
)


def utf_8() -> Cases:
    """6: text that is text, and text that is not."""
    for number, text in enumerate(GOOD_TEXT):
        data = text.encode()
        yield f"good {number}", echo(TEXT, data)
        parts = [*single_bytes(data), b""]
        yield f"good {number} in fragments", ok(*fragments(TEXT, parts), answers=((TEXT, data),))
        yield f"good {number} in single bytes", ok(*single_bytes(frame(TEXT, data)), answers=((TEXT, data),))
    for number, data in enumerate(BAD_BYTES):
        yield f"bad {number}", bad(frame(TEXT, data), code=1007)
        yield f"bad {number} in single bytes", bad(*single_bytes(frame(TEXT, data)), code=1007)
        split = (frame(TEXT, data[:1], fin=False), frame(CONT, data[1:]))
        yield f"bad {number} in fragments", bad(*split, code=1007)
        yield f"bad {number} is binary", echo(BINARY, data)
    # Found at the fragment, while the rest of the message never comes.
    good = "κόσμε".encode()
    yield "bad middle", bad(frame(TEXT, good, fin=False), frame(CONT, b"\xf4\x90\x80\x80", fin=False), code=1007)
    yield "bad last byte", bad(frame(TEXT, good + b"\xf4", fin=False), frame(CONT, b"\x90", fin=False), code=1007)


def closing() -> Cases:
    """7: close frames."""
    closes = {
        "empty": (frame(CLOSE), None),
        "code": (close_frame(1000), 1000),
        "code and reason": (close_frame(1000, b"Hello World!"), 1000),
        "longest reason": (close_frame(1000, b"*" * 123), 1000),
    }
    for name, (data, code) in closes.items():
        yield name, Case((data,), (), code, ends=False)
        behind = (data, frame(PING), frame(TEXT, b"behind"))
        yield f"{name} with more behind", Case(behind, (), code, ends=False)
        message = (frame(TEXT, b"before") + data,)
        yield f"{name} with a message before", Case(message, ((TEXT, b"before"),), code, ends=False)
    yield "two", Case((close_frame(1000), close_frame(1001)), (), 1000, ends=False)
    unfinished = (frame(TEXT, b"fragment1", fin=False), close_frame(1000))
    yield "within a message", Case((*unfinished, frame(CONT, b"fragment2")), (), 1000, ends=False)
    large = frame(TEXT, b"x" * 200_000)
    yield "behind a large message", Case((large, close_frame(1000)), ((TEXT, b"x" * 200_000),), 1000, ends=False)
    yield "one byte", bad(frame(CLOSE, b"a"))
    yield "reason too long", bad(frame(CLOSE, b"\x03\xe8" + b"*" * 124))
    yield "reason is not text", bad(close_frame(1000, b"\xce\xba\xed\xa0\x80"), code=1007)
    for code in (1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 3999, 4000, 4999):
        yield f"code {code}", Case((close_frame(code),), (), code, ends=False)
    for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535):
        yield f"invalid code {code}", bad(close_frame(code))


def limits() -> Cases:
    """9: messages around the limit, and many small ones at once."""
    for kind, opcode in (("text", TEXT), ("binary", BINARY)):
        data = b"*" * (1 << 20)
        yield f"{kind} of 1 MiB", echo(opcode, data)
        for size in (0, 16, 64, 256, 1024, 4096):
            many = (frame(opcode, b"*" * size) * 200,)
            yield f"200 {kind} messages of {size}", ok(*many, answers=((opcode, b"*" * size),) * 200)
        yield f"{kind} too large", bad(frame(opcode, data + b"*"), code=1009)
        yield f"{kind} announced too large", bad(frame(opcode, b"", form=64, length=1 << 62), code=1009)
        parts = (frame(opcode, data, fin=False), frame(CONT, b"*", fin=False))
        yield f"{kind} too large in fragments", bad(*parts, code=1009)


def compression() -> Cases:
    """12: compressed messages, and what must not pass for one."""
    offer = b"permessage-deflate; client_max_window_bits; server_no_context_takeover"
    agreed = b"permessage-deflate; server_no_context_takeover; server_max_window_bits=12; client_max_window_bits=12"
    for name, case in compressed():
        yield name, replace(case, offer=offer, agreed=agreed)


def compressed() -> Cases:
    """Cases whose client has agreed on compression."""
    for kind, opcode in (("text", TEXT), ("binary", BINARY)):
        for size in (0, 16, 64, 256, 1024, 4096, 65536, 1 << 20):
            data = (b'{"key": "value", "number": 12345} ' * (size // 30 + 1))[:size]
            packed = deflate(data)
            yield f"{kind} of {size}", ok(frame(opcode, packed, rsv=4), answers=((opcode, data),))
            yield f"{kind} of {size}, plain", echo(opcode, data)
            parts = (*chopped(packed, max(1, len(packed) // 7)), b"")
            yield f"{kind} of {size} in fragments", ok(*fragments(opcode, parts, rsv=4), answers=((opcode, data),))
        bomb = deflate(bytes((1 << 20) + 1))
        yield f"{kind} that inflates too far", bad(frame(opcode, bomb, rsv=4), code=1009)
    yield "rsv 1 on a continuation", bad(frame(TEXT, deflate(b"x"), fin=False, rsv=4), frame(CONT, b"", rsv=4))
    yield "rsv 1 on a ping", bad(frame(PING, b"x", rsv=4))
    yield "rsv 2", bad(frame(TEXT, deflate(b"x"), rsv=6))
    yield "garbage", bad(frame(TEXT, b"\xff" * 8, rsv=4))
    yield "bad text", bad(frame(TEXT, deflate(b"\xff"), rsv=4), code=1007)


AREAS: dict[str, Callable[[], Cases]] = {
    area.__name__: area
    for area in (framing, pings, reserved_bits, opcodes, fragmentation, utf_8, closing, limits, compression)
}
