"""Field blocks of requests: decoded, held against RFC 9113 section 8, and remembered where a client repeats itself.

What the RFC calls malformed ends the stream (`StreamFault`). What is well-formed and still no request that this server
takes, by the rules that all versions of HTTP share here, is a `Refusal` and gets an ordinary response.
"""

from __future__ import annotations

import re

from hpack import Decoder, HPACKError, OversizedHeaderListError

from tricorn.api import Head, Headers, Refusal
from tricorn.heads import method_name
from tricorn.target import check_host
from tricorn_http_h2.frames import (
    COMPRESSION_ERROR,
    ENHANCE_YOUR_CALM,
    PROTOCOL_ERROR,
    ConnectionFault,
    StreamFault,
)
from tricorn_http_h2.priority import DEFAULT, Priority, parse

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
"""A token in lower case (RFC 9113 section 8.2.1)."""
_TEXT = bytes(byte for byte in range(256) if byte == 0x09 or (byte >= 0x20 and byte != 0x7F))
_PSEUDO = frozenset((b":method", b":scheme", b":authority", b":path", b":protocol"))
_FORBIDDEN = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"))
"""Fields of a connection have no place in HTTP/2 (RFC 9113 section 8.2.2)."""
_RULED = frozenset((b"te", b"host", b"content-length", b"cookie", b"expect", b"priority"))

_known_names: set[bytes] = set()
"""Names that were found to be legal, and about which there is no rule."""
_NAME_LIMIT = 4096
_BLOCK_LIMIT = 64
"""Blocks remembered for each connection."""
_BLOCK_SIZE = 256
"""Octets of a block that is worth remembering: after the first requests a block is mostly references."""


class Request:
    """What a field block says.

    headers: for the application; `host` first. length: the Content-Length, or None. expects: waits for 100 (Continue).
    refusal: what to answer instead of serving it.
    """

    __slots__ = ("_head", "expects", "headers", "length", "method", "path", "priority", "protocol", "refusal")

    def __init__(self) -> None:
        self.method = ""
        self.path = b""
        self.headers: Headers = []
        self.length: int | None = None
        self.expects = False
        self.protocol: bytes | None = None
        self.priority: Priority = DEFAULT
        self.refusal: Refusal | None = None
        self._head: Head | None = None

    def head(self, complete: bool) -> Head:
        """What the kernel gets. Raises the refusal, if there is one."""
        if self.refusal is not None:
            raise self.refusal
        head = self._head
        if head is None:
            head = self._head = Head(self.method, self.path, "2", self.headers, self.protocol)
        head.headers = self.headers.copy()  # the application's, who may change it
        head.expects = self.expects and not complete
        head.complete = complete
        return head


class HeadReader:
    """Reads the field blocks of one connection, in the order in which they arrive: HPACK has a state.

    limit: octets of a field section (RFC 9113 section 10.5.1), above which a request is answered 431; the connection
    ends at twice that, before more is decoded. most_fields: the same for their number.
    """

    __slots__ = (
        "_blocks",
        "_count",
        "_decoder",
        "_latest",
        "_limit",
        "_most_fields",
        "_repeatable",
        "_websockets",
    )

    def __init__(self, limit: int, most_fields: int, websockets: bool) -> None:
        self._decoder = Decoder(2 * limit)
        self._limit = limit
        self._most_fields = most_fields
        self._websockets = websockets
        self._blocks: dict[bytes, Request] = {}
        self._latest: object = None
        self._count = (0, self._decoder.header_table.maxsize)
        self._repeatable = True

    def request(self, block: bytes) -> Request:
        """Read the head of a request. Raises ConnectionFault and StreamFault."""
        known = self._blocks.get(block)
        if known is not None:
            return known
        request = self._request(self._decode(block))
        if self._repeatable and len(block) <= _BLOCK_SIZE and request.refusal is None and request.protocol is None:
            if len(self._blocks) >= _BLOCK_LIMIT:
                self._blocks.clear()
            self._blocks[block] = request
        return request

    def trailers(self, block: bytes) -> None:
        """Read a trailer section and drop it. Raises ConnectionFault and StreamFault."""
        fields = self._decode(block)
        if any(name.startswith(b":") for name, _ in fields):
            raise StreamFault(PROTOCOL_ERROR, "a pseudo-header field in a trailer section")
        _check_fields(fields)

    def skip(self, block: bytes) -> None:
        """Read a block for the sake of the decoder's state alone. Raises ConnectionFault."""
        self._decode(block)

    def _decode(self, block: bytes) -> Headers:
        try:
            return [(name, value) for name, value in self._decoder.decode(block, raw=True)]
        except OversizedHeaderListError:
            raise ConnectionFault(ENHANCE_YOUR_CALM, "a field section beyond every limit") from None
        except HPACKError as error:
            raise ConnectionFault(COMPRESSION_ERROR, str(error)) from None
        finally:
            self._compare_table()

    def _compare_table(self) -> None:
        """A block means the same again as long as nothing has entered or left the dynamic table."""
        table = self._decoder.header_table
        entries = table.dynamic_entries
        latest, count = entries[0] if entries else None, (len(entries), table.maxsize)
        self._repeatable = latest is self._latest and count == self._count
        if not self._repeatable:
            self._latest, self._count = latest, count
            self._blocks.clear()

    def _request(self, fields: Headers) -> Request:
        request = Request()
        if len(fields) > self._most_fields + len(_PSEUDO) or _size(fields) > self._limit:
            request.refusal = Refusal(431, "a request head over --limit-request-head or --limit-request-fields")
            return request
        pseudo: dict[bytes, bytes] = {}
        start = 0
        for start, (name, value) in enumerate(fields):  # noqa: B007
            if not name.startswith(b":"):
                break
            if name in pseudo or name not in _PSEUDO:
                raise StreamFault(PROTOCOL_ERROR, "an unknown or repeated pseudo-header field")
            pseudo[name] = value
        else:
            start = len(fields)
        request.headers = fields[start:]
        ruled = _check_fields(request.headers)
        if b"".join(pseudo.values()).translate(None, _TEXT):
            raise StreamFault(PROTOCOL_ERROR, "a control character in a pseudo-header field")
        try:
            self._apply(request, pseudo, ruled)
        except Refusal as refusal:
            request.refusal = refusal
        return request

    def _apply(self, request: Request, pseudo: dict[bytes, bytes], ruled: Headers) -> None:
        self._read_target(request, pseudo)
        authority = pseudo.get(b":authority")
        cookies = 0
        for name, value in ruled:
            if name == b"host":
                if authority is not None and value != authority:
                    raise StreamFault(PROTOCOL_ERROR, "Host and :authority differ, or a second Host")
                authority = value
            elif name == b"content-length":
                if request.length is not None or not value.isdigit() or len(value) > 19 or int(value) >= 1 << 63:
                    raise StreamFault(PROTOCOL_ERROR, "an invalid Content-Length")
                request.length = int(value)
            elif name == b"te":
                if value.lower() != b"trailers":
                    raise StreamFault(PROTOCOL_ERROR, "a TE field other than trailers")
            elif name == b"cookie":
                cookies += 1
            elif name == b"priority":
                request.priority = parse(value)
            elif value.lower() == b"100-continue":
                request.expects = True
            else:
                raise Refusal(417, "unknown expectation")
        if authority is None:
            raise Refusal(400, "a request without authority")
        check_host(authority)
        request.headers = [(b"host", authority), *(field for field in request.headers if field[0] != b"host")]
        if cookies > 1:
            request.headers = _join_cookies(request.headers)

    def _read_target(self, request: Request, pseudo: dict[bytes, bytes]) -> None:
        """The method, the path, and for an extended CONNECT (RFC 8441) the protocol."""
        method = pseudo.get(b":method")
        scheme = pseudo.get(b":scheme")
        path = pseudo.get(b":path")
        request.protocol = pseudo.get(b":protocol")
        if method == b"CONNECT" and request.protocol is None:
            if scheme is not None or path is not None or not pseudo.get(b":authority"):
                raise StreamFault(PROTOCOL_ERROR, "a CONNECT with a target, or without an authority")
        elif not method or not scheme or not path or (request.protocol is not None and method != b"CONNECT"):
            raise StreamFault(PROTOCOL_ERROR, "a missing or misplaced pseudo-header field")
        elif path[:1] != b"/" and (path != b"*" or method != b"OPTIONS"):
            raise StreamFault(PROTOCOL_ERROR, "a path that does not begin with a slash")
        elif scheme not in (b"https", b"http"):
            raise Refusal(400, "a scheme other than http and https")
        if request.protocol is not None:
            if request.protocol != b"websocket" or not self._websockets:
                raise Refusal(501, "a protocol that is not spoken here")
            request.method = "CONNECT"
        else:
            request.method = method_name(method)
        assert path is not None
        request.path = path


def _size(fields: Headers) -> int:
    return sum(len(name) + len(value) + 32 for name, value in fields)


def _check_fields(fields: Headers) -> Headers:
    """Return those fields about which there is a rule. Raises StreamFault for one that must not be."""
    ruled = []
    for field in fields:
        name, value = field
        if name not in _known_names:
            if name in _RULED:
                ruled.append(field)
            else:
                _check_name(name)
        if value[:1] in _SPACE or value[-1:] in _SPACE:
            raise StreamFault(PROTOCOL_ERROR, "white space around a field value")
    if b"".join([value for _, value in fields]).translate(None, _TEXT):
        raise StreamFault(PROTOCOL_ERROR, "a control character in a field value")
    return ruled


_SPACE = (b" ", b"\t")


def _check_name(name: bytes) -> None:
    if name in _FORBIDDEN or _NAME.fullmatch(name) is None:
        raise StreamFault(PROTOCOL_ERROR, "a field of the connection, or an invalid field name")
    if len(_known_names) >= _NAME_LIMIT:
        _known_names.clear()
    if len(name) <= 64:
        _known_names.add(name)


def _join_cookies(headers: Headers) -> Headers:
    """One Cookie field where the client has split it up (RFC 9113 section 8.2.3)."""
    cookies = b"; ".join(value for name, value in headers if name == b"cookie")
    first = next(place for place, (name, _) in enumerate(headers) if name == b"cookie")
    joined = [field for field in headers if field[0] != b"cookie"]
    joined.insert(first, (b"cookie", cookies))
    return joined
