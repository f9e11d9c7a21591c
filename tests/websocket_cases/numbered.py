"""Autobahn's areas 9, 12 and 13, case for case under its numbers: large messages, many in turn, and compressed ones.

The code and the bytes are our own, and there are fewer bytes, so that all of it takes seconds:

- 9.1, 9.2: whole messages of 64 KiB to 16 MiB, nothing left out.
- 9.3, 9.4: a message of 4 MiB in fragments of 64 bytes to 4 MiB, but no more than 1024 fragments of it.
- 9.5, 9.6: a message of 1 MiB in writes of 64 to 2048 bytes, but no more than 1024 writes of it.
- 9.7, 9.8: 25 messages of 0 to 4096 bytes in turn, in place of 1000.
- 12.1 to 12.5, 13.1 to 13.7: messages of 16 bytes to 128 KiB in turn, 10 of the smallest and 2 of those from 16 KiB on
  in place of 1000. Area 12 offers what browsers do, so that both sides keep the context of the messages before; with
  Autobahn's offers, in 13, the client never does.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from random import Random

from tests.websocket_cases.cases import Case, Cases, chopped, echo, fragments, ok
from tricorn.testing.ws_peer import BINARY, TAIL, TEXT, frame

LIMIT = 1 << 24
"""Bytes of the largest message, which is as large as the server's default allows."""
PIECES = 1024
ROUND_TRIPS = 25
MESSAGES = 10

KIB, MIB = 1 << 10, 1 << 20

# --- 9: sizes --------------------------------------------------------------------------------------------------------

TEXT_PATTERN = "Grüße, 日本, κόσμε, 🦄! ".encode()
BINARY_PATTERN = bytes(range(251))
"""Both of a length that no size of a fragment is a multiple of: they cut characters, and none is like another."""


def payload(opcode: int, size: int) -> bytes:
    """So many bytes."""
    pattern = TEXT_PATTERN if opcode == TEXT else BINARY_PATTERN
    times, rest = divmod(size, len(pattern))
    return pattern * times + excerpt(opcode, pattern, 0, rest)


def excerpt(opcode: int, data: bytes, at: int, size: int) -> bytes:
    """So many of the bytes from there on; of text without the characters that are cut, filled up."""
    part = data[at : at + size]
    return part if opcode == BINARY else part.decode(errors="ignore").encode().ljust(size)


def whole(opcode: int, size: int) -> Case:
    """A message in one frame."""
    return echo(opcode, payload(opcode, size))


def in_fragments(opcode: int, size: int) -> Case:
    """A message in frames of a size."""
    data = payload(opcode, min(4 * MIB, PIECES * size))
    return ok(b"".join(fragments(opcode, chopped(data, size))), answers=((opcode, data),))


def in_writes(opcode: int, size: int) -> Case:
    """A message in one frame, sent in pieces of a size."""
    data = payload(opcode, min(MIB, PIECES * size))
    return ok(*chopped(frame(opcode, data), size), answers=((opcode, data),))


def in_turn(opcode: int, size: int) -> Case:
    """Messages, each sent when the one before has come back."""
    data = payload(opcode, size)
    return Case((frame(opcode, data),) * ROUND_TRIPS, ((opcode, data),) * ROUND_TRIPS, in_turn=True)


SIZES: tuple[tuple[int, Callable[[int, int], Case], tuple[int, ...]], ...] = (
    (1, whole, (64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB)),
    (3, in_fragments, (64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB)),
    (5, in_writes, (64, 128, 256, 512, 1024, 2048)),
    (7, in_turn, (0, 16, 64, 256, 1024, 4096)),
)
"""The group of text, behind which comes that of binary messages; what its cases do; the size in each."""


def sizes() -> Cases:
    """9.1 to 9.8."""
    for first, make, numbered in SIZES:
        for group, opcode in enumerate((TEXT, BINARY), first):
            for number, size in enumerate(numbered, 1):
                yield f"9.{group}.{number}", make(opcode, size)


# --- 12 and 13: compression ------------------------------------------------------------------------------------------

WORDS = "Himmel Erde Licht Straße Mädchen König über größer Nebel und der die das ach nicht wohl Geist Äpfel".split()
LENGTH = 160 * KIB
"""Bytes of each content at least."""


def records() -> bytes:
    """JSON."""
    chance = Random(1)
    rows = [
        {"id": number, "name": chance.choice(WORDS), "at": chance.random(), "tags": WORDS[number % 9 :: 9]}
        for number in range(2200)
    ]
    return json.dumps(rows, ensure_ascii=False).encode()


def picture() -> bytes:
    """Noise in sixteen shades, which hardly repeats itself."""
    return Random(2).randbytes(LENGTH).translate(bytes(shade & 0xF0 for shade in range(256)))


def prose() -> bytes:
    """Words."""
    return " ".join(Random(3).choices(WORDS, k=LENGTH // 4)).encode()


def page() -> bytes:
    """HTML."""
    chance = Random(4)
    row = '<tr id="row-{0}"><td class="name">{1}</td><td>{2}</td></tr>\n'
    return "".join(row.format(number, chance.choice(WORDS), number**2) for number in range(3000)).encode()


def document() -> bytes:
    """Something like a PDF: text, and between it what is compressed already."""
    chance = Random(5)
    part = b"%d 0 obj << /Length 512 >>\nstream\n%b\nendstream endobj\n"
    return b"".join(part % (number, chance.randbytes(512)) for number in range(300))


CONTENTS = ((TEXT, records), (BINARY, picture), (BINARY, prose), (TEXT, page), (BINARY, document))
"""Those of 12.1 to 12.5."""

SHAPES = (
    *((size, 0) for size in (16, 64, 256, KIB, 4 * KIB, 8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB, 128 * KIB)),
    *((size, 256) for size in (8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB, 128 * KIB)),
    *((128 * KIB, most) for most in (KIB, 4 * KIB, 32 * KIB)),
)
"""The last numbers, 1 to 18: bytes of a message, and of the compressed fragments of it, 0 for one frame."""

DEFLATE = b"permessage-deflate"
CLIENT_ALONE, CLIENT_BITS = b"; client_no_context_takeover", b"; client_max_window_bits"
ALONE, BITS = b"; server_no_context_takeover", b"; server_max_window_bits=%d"
BROWSER = DEFLATE + CLIENT_BITS
AUTOBAHN = DEFLATE + CLIENT_ALONE + CLIENT_BITS
OFFERS: tuple[tuple[tuple[bytes, ...], bytes, int], ...] = (
    ((b"",), b"", 12),
    ((ALONE,), ALONE, 12),
    ((BITS % 9,), b"", 9),
    ((BITS % 15,), b"", 12),
    ((ALONE + BITS % 9,), ALONE, 9),
    ((ALONE + BITS % 15,), ALONE, 12),
    ((ALONE + BITS % 9, ALONE, b""), ALONE, 9),
)
"""What is asked of the server in 13.1 to 13.7, of which the first is taken; whether it then compresses each message
alone; and the bits of its window, which it keeps at 12 where it may."""


def contents() -> Cases:
    """12.1 to 12.5: everything that one sends."""
    for number, (opcode, content) in enumerate(CONTENTS, 1):
        yield from shapes(f"12.{number}", opcode, content(), BROWSER, DEFLATE + BITS % 12 + CLIENT_BITS + b"=12")


def offers() -> Cases:
    """13.1 to 13.7: everything that one asks for."""
    data = records()
    for number, (asked, alone, bits) in enumerate(OFFERS, 1):
        agreed = DEFLATE + alone + CLIENT_ALONE + BITS % bits + CLIENT_BITS + b"=12"
        yield from shapes(f"13.{number}", TEXT, data, b", ".join(AUTOBAHN + more for more in asked), agreed)


def shapes(group: str, opcode: int, data: bytes, offer: bytes, agreed: bytes) -> Cases:
    """The cases of one group: messages that are much alike, so that it matters who remembers what."""
    for number, (size, most) in enumerate(SHAPES, 1):
        count = max(2, min(MESSAGES, 32 * KIB // size))
        messages = [excerpt(opcode, data, 7 * at, size) for at in range(count)]
        pieces = (
            b"".join(fragments(opcode, chopped(packed, most or len(packed)), rsv=4))
            for packed in deflated(messages, CLIENT_ALONE in agreed)
        )
        answers = tuple((opcode, message) for message in messages)
        yield f"{group}.{number}", Case(tuple(pieces), answers, in_turn=True, offer=offer, agreed=agreed)


def deflated(messages: Iterable[bytes], alone: bool) -> Iterator[bytes]:
    """The messages as a client compresses them: a full flush forgets what was before."""
    stream = zlib.compressobj(1, wbits=-12)
    flush = zlib.Z_FULL_FLUSH if alone else zlib.Z_SYNC_FLUSH
    for message in messages:
        yield (stream.compress(message) + stream.flush(flush)).removesuffix(TAIL)


NUMBERED: dict[str, Callable[[], Cases]] = {area.__name__: area for area in (sizes, contents, offers)}
