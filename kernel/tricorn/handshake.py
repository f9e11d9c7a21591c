"""The opening handshake of WebSockets (RFC 6455 section 4; RFC 8441 for HTTP/2): what it must say, and the answer.

Over HTTP/1.1 it is an upgrade with a key that the answer proves to have seen; over HTTP/2 an extended CONNECT without.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from typing import Any

from tricorn.api import Head, Headers, Refusal, Stream

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")
"""16 bytes in base64."""

_RESERVED = frozenset((b"sec-websocket-accept", b"sec-websocket-extensions", b"sec-websocket-version"))
_DROPPED = frozenset((b"connection", b"upgrade", b"content-length", b"transfer-encoding", b"keep-alive"))


def check_handshake(head: Head) -> bytes | None:
    """Return the key of a valid handshake, or None for an extended CONNECT, which has none.

    Raises Refusal: 426 for another version than 13, 400 for anything else.
    """
    fields: dict[bytes, bytes] = {}
    for name, value in head.headers:
        if name in (b"sec-websocket-key", b"sec-websocket-version") and name in fields:
            raise Refusal(400, f"more than one {name.decode()} field")
        fields[name] = value
    if fields.get(b"sec-websocket-version") != b"13":
        raise Refusal(426, "WebSocket version", [(b"sec-websocket-version", b"13"), (b"upgrade", b"websocket")])
    if head.method == "CONNECT":
        return None
    if head.method != "GET" or head.version != "1.1":
        raise Refusal(400, "a WebSocket handshake is a GET in HTTP/1.1")
    if fields.get(b"content-length", b"0").strip(b"0") or b"transfer-encoding" in fields:
        # Whether a body's bytes are frames would be anyone's guess.
        raise Refusal(400, "a WebSocket handshake with a body")
    key = fields.get(b"sec-websocket-key", b"")
    if _KEY.fullmatch(key) is None:
        raise Refusal(400, "invalid Sec-WebSocket-Key")
    return key


def values(head: Head, wanted: bytes) -> list[bytes]:
    """All values of a field, in order."""
    return [value for name, value in head.headers if name == wanted]


def offered_subprotocols(head: Head) -> list[str]:
    """The client's subprotocols, in its order of preference."""
    offers = b",".join(values(head, b"sec-websocket-protocol")).decode("latin-1").split(",")
    return [name for offer in offers if (name := offer.strip(" \t"))]


def accept_fields(
    stream: Stream, key: bytes | None, extensions: bytes | None, subprotocol: Any, headers: Iterable[Any]
) -> Headers:
    """The fields of the accepting response, the application's own among them.

    Raises ValueError, TypeError or RuntimeError for what an application must not send.
    """
    fields: Headers = []
    if key is not None:
        from hashlib import sha1  # loads OpenSSL's hashes, which a server without WebSockets does not need

        proof = b64encode(sha1(key + _GUID, usedforsecurity=False).digest())
        fields += [(b"upgrade", b"websocket"), (b"connection", b"upgrade"), (b"sec-websocket-accept", proof)]
    if extensions is not None:
        fields.append((b"sec-websocket-extensions", extensions))
    own: Headers = []
    if subprotocol is not None:
        own.append((b"sec-websocket-protocol", str(subprotocol).encode("latin-1")))
    for name, value in headers:
        name = bytes(name).lower()
        if name in _RESERVED or (name == b"sec-websocket-protocol" and subprotocol is not None):
            raise RuntimeError(f"The header '{name.decode()}' of a WebSocket is the server's to send.")
        if name not in _DROPPED:
            own.append((name, bytes(value)))
    stream.fields.render(own)  # validates; a tunnel takes the fields as they are
    return fields + own
