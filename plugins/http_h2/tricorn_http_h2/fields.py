"""Response fields in HPACK (RFC 7541), rendered once for all connections.

Every field is either an entry of the static table or a literal that is not indexed, so its bytes do not depend on what
a connection sent before: a response head is the join of bytes that `FieldTable` remembers. The dynamic table stays
empty; the first block of a connection says so (`EMPTY_TABLE`), after which a client may shrink its own as it likes.
That costs some bytes on the wire and nothing else; and what does not compress cannot be guessed from its size.
"""

from __future__ import annotations

from functools import lru_cache

from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hpack.table import HeaderTable

from tricorn.fields import DATE, SERVER, FieldTable

EMPTY_TABLE = b"\x20"
"""A dynamic table size update to 0 (RFC 7541 section 6.3)."""

_HUFFMAN_LIMIT = 64
"""Octets of a value that is worth coding in Python: longer ones are seldom sent twice."""

_names: dict[bytes, int] = {}
_entries: dict[tuple[bytes, bytes], int] = {}
for _index, _entry in enumerate(HeaderTable.STATIC_TABLE, 1):
    _names.setdefault(_entry[0], _index)
    _entries[_entry[0], _entry[1]] = _index

_huffman = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)


def _integer(value: int, bits: int, pattern: int) -> bytes:
    """An integer with a prefix of so many bits (RFC 7541 section 5.1)."""
    most = (1 << bits) - 1
    if value < most:
        return bytes((pattern | value,))
    octets = bytearray((pattern | most,))
    value -= most
    while value >= 128:
        octets.append(value & 127 | 128)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def _string(text: bytes) -> bytes:
    """A string literal (RFC 7541 section 5.2), Huffman-coded where that makes it shorter."""
    if len(text) <= _HUFFMAN_LIMIT:
        coded = _huffman.encode(text)
        if len(coded) < len(text):
            return _integer(len(coded), 7, 0x80) + coded
    return _integer(len(text), 7, 0) + text


def render(name: bytes, value: bytes) -> bytes:
    """One field, its name in lower case."""
    value = value.strip(b" \t")  # RFC 9113 section 8.2.1 forbids what HTTP/1 ignores
    entry = _entries.get((name, value))
    if entry is not None:
        return _integer(entry, 7, 0x80)
    index = _names.get(name, 0)
    return _integer(index, 4, 0) + (b"" if index else _string(name)) + _string(value)


STATUSES = {status: render(b":status", b"%d" % status) for status in range(100, 600)}
"""`:status`, which is the whole head of a response besides its fields."""

FIELDS: FieldTable[bytes] = FieldTable(render)
"""Validates and renders what applications send."""


@lru_cache(maxsize=32)
def defaults(lines: bytes, flags: int) -> bytes:
    """The server's default fields, which the kernel has as the lines of an HTTP/1 head, less what `flags` replaces."""
    own = (b"date",) * bool(flags & DATE) + (b"server",) * bool(flags & SERVER)
    pairs = (line.partition(b": ") for line in lines.split(b"\r\n") if line)
    return b"".join(render(name.lower(), value) for name, _, value in pairs if name not in own)
