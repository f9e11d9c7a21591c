"""The law of HTTP/1 request heads: the strict grammar, and the rules that decide framing and persistence.

A codec reads heads fast; what it may report is decided here, so that no two codecs differ. The kernel

1. checks the bytes of every head (`count_lines`): CRLF ends lines, and no other control character stands anywhere;
2. compares the codec's account with the bytes, and reads the head itself (`read_strict`) where they differ or where
   the codec declined, be it an illegal head or only a method that the codec's parser does not know;
3. takes framing from the bytes (`examine`), not from the codec's account of them.

Every refusal follows RFC 9112 where it names a status, and otherwise takes the reading no other server can misread.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tricorn.api import Headers, Refusal
from tricorn.fields import TOKEN
from tricorn.target import check_host

_TEXT = bytes((0x09, *range(0x20, 0x7F), *range(0x80, 0x100)))
_REQUEST_LINE = re.compile(rb"([^ ]+) ([^ ]+) HTTP/([0-9])\.([0-9])\r\n")
_FIELD = re.compile(rb"([^:]*):[\t ]*(.*?)[\t ]*", re.DOTALL)
_FRAMING = re.compile(rb"\r\n(content-length|transfer-encoding):[\t ]*(.*?)[\t ]*(?=\r\n)", re.IGNORECASE | re.DOTALL)
_LENGTH = re.compile(rb"[0-9]{1,19}")
_KEY_FIELDS = (b"host", b"expect", b"upgrade", b"sec-websocket-key", b"sec-websocket-version")

CHUNKED_BODY = -1
"""Stands for a chunked body where a length is expected."""

known_names: set[bytes] = set()
"""Field names that were found to be tokens."""
_NAME_LIMIT = 4096


def count_lines(head: bytes) -> int:
    """Return how many lines the head has, its empty line included.

    Raises Refusal(400) for a bare CR, a bare LF, or any control character besides TAB. Deleting all that is text
    leaves the line ends: as many bytes as two for each CRLF, or something else stands between them.
    """
    lines = head.count(b"\r\n")
    if len(head.translate(None, _TEXT)) != 2 * lines:
        raise Refusal(400, "a control character or a bare CR or LF in the request head")
    return lines


def check_partial(data: bytes | bytearray) -> None:
    """Refuse a head before its end has arrived, as soon as what has arrived cannot become a legal one."""
    lines = data.count(b"\r\n")
    rest = len(data.translate(None, _TEXT))
    if rest != 2 * lines and not (rest == 2 * lines + 1 and data[-1:] == b"\r"):
        if data[:2] == b"\x16\x03":
            raise Refusal(400, "a TLS handshake on a port that speaks plain HTTP")
        raise Refusal(400, "a control character or a bare CR or LF in the request head")


def check_names(names: Iterable[bytes]) -> None:
    """Raise Refusal(400) unless every field name is a token; known names are remembered, up to a bound."""
    for name in names:
        if name not in known_names:
            if TOKEN.fullmatch(name) is None:
                raise Refusal(400, "invalid field name")
            if len(known_names) >= _NAME_LIMIT:
                known_names.clear()
            if len(name) <= 64:
                known_names.add(name)


METHODS = {
    name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "QUERY")
}


def method_name(method: bytes) -> str:
    """The method of a request, in the client's own case. Raises Refusal: 400 for no token, 501 for CONNECT."""
    if TOKEN.fullmatch(method) is None:
        raise Refusal(400, "invalid method")
    if method == b"CONNECT":
        raise Refusal(501, "CONNECT on a server that is no proxy")
    return method.decode("ascii")


def read_strict(head: bytes) -> tuple[bytes, bytes, int, Headers]:
    """Read a head by the strict grammar alone: (method, target, minor version, fields).

    The minor version is 0 or 1: later ones of HTTP/1 are served as 1.1 (RFC 9110 section 2.5). Raises Refusal: 505 for
    another major version, 400 for anything that is not the grammar. `count_lines` has passed before.
    """
    line = _REQUEST_LINE.match(head)
    if line is None:
        raise Refusal(400, "invalid request line")
    method, target, major, minor = line.groups()
    if TOKEN.fullmatch(method) is None:
        raise Refusal(400, "invalid method")
    if major != b"1":
        raise Refusal(505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
    headers: Headers = []
    rest = head[line.end() : -4]
    if rest:
        for text in rest.split(b"\r\n"):
            field = _FIELD.fullmatch(text)
            if field is None or TOKEN.fullmatch(field[1]) is None:
                raise Refusal(400, "invalid header field")
            headers.append((field[1].lower(), field[2]))
    return method, target, 0 if minor == b"0" else 1, headers


def examine(
    head: bytes, minor: int, headers: Headers, fields: dict[bytes, bytes]
) -> tuple[int, bool, bool, bytes | None]:
    """Apply the rules of a head that says something about framing, persistence, expectations or upgrades.

    Returns (length of the body or CHUNKED_BODY, whether the connection persists, whether 100-continue is expected, the
    protocol asked for by an upgrade). Raises Refusal.
    """
    if len(fields) != len(headers):
        for name in _KEY_FIELDS:
            if name in fields and sum(name == other for other, _ in headers) > 1:
                raise Refusal(400, f"more than one {name.decode()} field")
    host = fields.get(b"host")
    if host is not None:
        check_host(host)
    elif minor:
        raise Refusal(400, "no Host field in an HTTP/1.1 request")
    length = 0
    if b"content-length" in fields or b"transfer-encoding" in fields:
        length = _body_length(head, minor)
    options: set[bytes] = set()
    if b"connection" in fields:
        values = b",".join(value for name, value in headers if name == b"connection").lower()
        options = {option.strip(b" \t") for option in values.split(b",")}
    persistent = b"close" not in options and (minor == 1 or b"keep-alive" in options)
    expects = False
    if minor and b"expect" in fields:
        if fields[b"expect"].lower() != b"100-continue":
            raise Refusal(417, "unknown expectation")
        expects = length != 0
    protocol = None
    if minor and b"upgrade" in options and b"upgrade" in fields:
        offers = {offer.strip(b" \t") for offer in fields[b"upgrade"].lower().split(b",")}
        if b"websocket" in offers:
            protocol = b"websocket"
    return length, persistent, expects, protocol


def _body_length(head: bytes, minor: int) -> int:
    """The framing of the body (RFC 9112 section 6), read from the bytes of the head."""
    framing = _FRAMING.findall(head)
    if len(framing) != 1:
        raise Refusal(400, "more than one Content-Length or Transfer-Encoding")
    name, value = framing[0]
    if name.lower() == b"content-length":
        if _LENGTH.fullmatch(value) is None or (length := int(value)) >= 1 << 63:
            raise Refusal(400, "invalid Content-Length")
        return length
    if not minor:
        raise Refusal(400, "Transfer-Encoding in an HTTP/1.0 request")
    if value.lower() != b"chunked":
        if TOKEN.fullmatch(value) is None:
            raise Refusal(400, "invalid Transfer-Encoding")
        raise Refusal(501, "unknown Transfer-Encoding")
    return CHUNKED_BODY
