"""The law of HTTP/1 request heads: the strict grammar, and the rules that decide framing and persistence.

A codec reads heads; what it may report is decided here, so that no two codecs differ. The kernel

1. recalls the lines that it knows (`tricorn.recall`); when all are known it has read the head;
2. else checks the bytes of the head (`check_controls`): CRLF ends lines, and there is no other control character;
3. reads it by the strict grammar (`read_strict`) and compares that with the codec's account: where they differ or the
   codec declined, be it an illegal head or only a method that its parser does not know, the grammar decides;
4. decides on framing, persistence, expectations and upgrades (`examine`), unless all fields have come together before.

Every refusal follows RFC 9112 where it names a status, and otherwise takes the reading no other server can misread.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from tricorn.api import PROXY_FIELDS, Headers, Refusal
from tricorn.fields import TOKEN
from tricorn.target import check_host, known_hosts

_CONTROLS = bytes((byte < 0x20 and byte != 0x09) or byte == 0x7F for byte in range(256))
"""A table that turns control characters into 1 and text into 0: counting so is many times faster than a regex."""
_REQUEST_LINE = re.compile(rb"([^ ]+) ([^ ]+) HTTP/([0-9])\.([0-9])")
_RULED = PROXY_FIELDS | {b"content-length", b"transfer-encoding", b"connection", b"expect", b"upgrade"}
"""Host has a rule too, but a Host that was found valid is remembered by itself."""
_SINGLE = (
    b"content-length",
    b"transfer-encoding",
    b"host",
    b"expect",
    b"upgrade",
    b"sec-websocket-key",
    b"sec-websocket-version",
)

CHUNKED_BODY = -1
"""Stands for a chunked body where a length is expected."""

plain_names: set[bytes] = set()
"""Field names that were found to be tokens, and about which `examine` has no rule."""
_NAME_LIMIT = 4096


def check_controls(head: bytes, line_ends: int) -> None:
    """Raise Refusal(400) for a bare CR, a bare LF, or any control character besides TAB in a head with so many CRLF:
    something stands between the line ends when there are more control characters than two for each of them."""
    if head.translate(_CONTROLS).count(b"\1") != 2 * line_ends:
        raise Refusal(400, "a control character or a bare CR or LF in the request head")


def check_partial(data: bytes | bytearray) -> None:
    """Refuse a head before its end has arrived, as soon as what has arrived cannot become a legal one."""
    lines = data.count(b"\r\n")
    rest = data.translate(_CONTROLS).count(b"\1")
    if rest != 2 * lines and not (rest == 2 * lines + 1 and data[-1:] == b"\r"):
        if data[:2] == b"\x16\x03":
            raise Refusal(400, "a TLS handshake on a port that speaks plain HTTP")
        raise Refusal(400, "a control character or a bare CR or LF in the request head")


def _check_names(names: Iterable[bytes]) -> None:
    """Raise Refusal(400) unless every field name is a token; plain ones are remembered, up to a bound."""
    for name in names:
        if name not in plain_names and name not in _RULED:
            if TOKEN.fullmatch(name) is None:
                raise Refusal(400, "invalid field name")
            if len(plain_names) >= _NAME_LIMIT:
                plain_names.clear()
            if len(name) <= 64:
                plain_names.add(name)


_METHODS = {
    name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "QUERY")
}


def method_name(method: bytes) -> str:
    """The method of a request, in the client's own case. Raises Refusal: 400 for no token, 501 for CONNECT."""
    name = _METHODS.get(method)
    if name is None:
        if TOKEN.fullmatch(method) is None:
            raise Refusal(400, "invalid method")
        if method == b"CONNECT":
            raise Refusal(501, "CONNECT on a server that is no proxy")
        name = method.decode("ascii")
    return name


def read_strict(lines: Sequence[bytes]) -> tuple[bytes, bytes, int, Headers]:
    """Read the lines of a head by the strict grammar alone: (method, target, minor version, fields).

    The minor version is 0 or 1: later ones of HTTP/1 are served as 1.1 (RFC 9110 section 2.5). Raises Refusal: 505 for
    another major version, 400 for anything that is not the grammar. `check_controls` has passed before.
    """
    words = lines[0].split(b" ")
    if len(words) == 3 and words[0] in _METHODS and words[1] and words[2] == b"HTTP/1.1":
        method, target, minor = words[0], words[1], b"1"  # as nearly all are
    else:
        line = _REQUEST_LINE.fullmatch(lines[0])
        if line is None:
            raise Refusal(400, "invalid request line")
        method, target, major, minor = line.groups()
        if TOKEN.fullmatch(method) is None:
            raise Refusal(400, "invalid method")
        if major != b"1":
            raise Refusal(505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
    return method, target, 0 if minor == b"0" else 1, [read_field(line) for line in lines[1:-2]]


def read_field(line: bytes) -> tuple[bytes, bytes]:
    """Read one field line by the strict grammar. Raises Refusal(400)."""
    name, colon, value = line.partition(b":")
    name = name.lower()
    if not colon or (name not in plain_names and TOKEN.fullmatch(name) is None):
        raise Refusal(400, "invalid header field")
    return name, value.strip(b" \t")


def examine(minor: int, headers: Headers, fields: dict[bytes, bytes]) -> tuple[int, bool, bool, bytes | None]:
    """Apply every rule about the fields of a head.

    fields: the headers as a dict. Returns (length of the body or CHUNKED_BODY, whether the connection persists, whether
    100-continue is expected, the protocol asked for by an upgrade). Raises Refusal.
    """
    if minor and fields.get(b"host") in known_hosts and plain_names.issuperset(fields) and len(fields) == len(headers):
        return 0, True, False, None
    if not plain_names.issuperset(fields):
        _check_names(fields)
    if len(fields) != len(headers):
        for name in _SINGLE:
            if name in fields and sum(name == other for other, _ in headers) > 1:
                raise Refusal(400, f"more than one {name.decode()} field")
    host = fields.get(b"host")
    if host is not None:
        check_host(host)
    elif minor:
        raise Refusal(400, "no Host field in an HTTP/1.1 request")
    length = 0
    if b"content-length" in fields or b"transfer-encoding" in fields:
        length = _body_length(minor, fields)
    if b"connection" not in fields:
        options: frozenset[bytes] = frozenset()
    elif len(fields) == len(headers):
        options = _tokens(fields[b"connection"])
    else:
        options = _tokens(b",".join(value for name, value in headers if name == b"connection"))
    persistent = b"close" not in options and (minor == 1 or b"keep-alive" in options)
    expects = False
    if minor and b"expect" in fields:
        if fields[b"expect"].lower() != b"100-continue":
            raise Refusal(417, "unknown expectation")
        expects = length != 0
    protocol = None
    if minor and b"upgrade" in options and b"websocket" in _tokens(fields.get(b"upgrade", b"")):
        protocol = b"websocket"
    return length, persistent, expects, protocol


def _tokens(value: bytes) -> frozenset[bytes]:
    """The members of a comma-separated list, in lower case; what is as short as usual is remembered."""
    return _short_tokens(value) if len(value) <= 64 else _short_tokens.__wrapped__(value)


@lru_cache(maxsize=256)
def _short_tokens(value: bytes) -> frozenset[bytes]:
    return frozenset(member.strip(b" \t") for member in value.lower().split(b","))


def _body_length(minor: int, fields: dict[bytes, bytes]) -> int:
    """The framing of the body (RFC 9112 section 6); neither field occurs twice."""
    if b"transfer-encoding" not in fields:
        value = fields[b"content-length"]
        if not value.isdigit() or len(value) > 19 or (length := int(value)) >= 1 << 63:
            raise Refusal(400, "invalid Content-Length")
        return length
    if b"content-length" in fields:
        raise Refusal(400, "both Content-Length and Transfer-Encoding")
    if not minor:
        raise Refusal(400, "Transfer-Encoding in an HTTP/1.0 request")
    value = fields[b"transfer-encoding"].lower()
    if value != b"chunked":
        if TOKEN.fullmatch(value) is None:
            raise Refusal(400, "invalid Transfer-Encoding")
        raise Refusal(501, "unknown Transfer-Encoding")
    return CHUNKED_BODY
