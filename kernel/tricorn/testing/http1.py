"""The conformance suites of HTTP/1: of codecs, which read heads, and of whole providers, byte for byte."""

from __future__ import annotations

from typing import Any

from tricorn.api import Headers, Http1Codec, HttpProvider
from tricorn.testing.http import HttpSuite
from tricorn.testing.http1_cases import BAD_REQUESTS, ODD_REQUESTS
from tricorn.testing.http1_client import Http1Client
from tricorn.testing.http1_connections import ConnectionChecks
from tricorn.testing.http1_ends import EndChecks
from tricorn.testing.http1_expectations import ExpectationChecks
from tricorn.testing.http1_requests import RequestChecks
from tricorn.testing.http1_upgrades import UpgradeChecks
from tricorn.testing.suite import Suite, each

__all__ = ["Http1CodecSuite", "Http1Suite"]

_PLAIN = b"GET /plain HTTP/1.1\r\nHost: test\r\n\r\n"

_USUAL = {
    "get": _PLAIN,
    "browser": b"GET /a?b=c HTTP/1.1\r\nHost: test:8000\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
    b'Accept: text/html,*/*;q=0.8\r\nCookie: a=b; c="d"\r\nConnection: keep-alive\r\n\r\n',
    "post": b"POST /form HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n",
    "chunked": b"PUT /file HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n",
    "close": b"DELETE /x HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n",
    "upgrade": b"GET /ws HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "head": b"HEAD / HTTP/1.1\r\nHost: test\r\n\r\n",
}


def _reading(head: bytes) -> tuple[bytes, bytes, Headers]:
    """What a legal head says."""
    first, *lines = head[:-4].removeprefix(b"\r\n").split(b"\r\n")
    method, target, _ = first.split(b" ")
    fields = [line.partition(b":") for line in lines]
    return method, target, [(name.lower(), value.strip(b" \t")) for name, _, value in fields]


class Http1CodecSuite(Suite):
    """Every codec passes this suite: the contract of `Http1Codec.read_head`.

    A codec may decline any head, and the kernel then reads it; what it does read, it reads faithfully.
    """

    kind = "http"

    @classmethod
    def applies(cls, provider: Any) -> bool:
        """Only to providers of a codec."""
        return isinstance(provider, HttpProvider) and provider.codec is not None

    def codec(self) -> Http1Codec:
        """A codec of the plugin."""
        make = self.provider().codec
        codec: Http1Codec = make()
        return codec

    @each(**_USUAL)
    def check_usual_heads_are_read(self, head: bytes) -> None:
        """A codec that declines what clients send all day is of no use."""
        assert self.codec().read_head(head) == _reading(head)

    @each(**{name: request for name, (request, _, _) in ODD_REQUESTS.items()})
    def check_odd_heads_are_read_faithfully_or_declined(self, request: bytes) -> None:
        """Whatever the method, the target and the fields are."""
        head = request[: request.index(b"\r\n\r\n", 2) + 4]
        read = self._read_or_decline(self.codec(), head)
        assert read is None or read == _reading(head)

    @each(**{name: request for name, (request, _) in BAD_REQUESTS.items() if b"\r\n\r\n" in request[2:]})
    def check_bad_heads_raise_nothing_but_value_error(self, request: bytes) -> None:
        """The kernel refuses them; a codec may see those whose bytes alone do not tell."""
        self._read_or_decline(self.codec(), request[: request.index(b"\r\n\r\n", 2) + 4])

    def check_one_codec_reads_many_heads(self) -> None:
        """All of a connection, as long as they announce no body, ask for no upgrade and are not declined."""
        codec = self.codec()
        for name in ("get", "browser", "head", "get", "head"):
            assert codec.read_head(_USUAL[name]) == _reading(_USUAL[name])

    def check_readings_are_not_shared(self) -> None:
        """The list of fields becomes the scope's, and the application's to change."""
        codec = self.codec()
        first = codec.read_head(_PLAIN)[2]
        first.append((b"x", b"y"))
        assert codec.read_head(_PLAIN)[2] == [(b"host", b"test")]
        assert first == [(b"host", b"test"), (b"x", b"y")]

    def check_codecs_are_independent(self) -> None:
        """One for each connection."""
        one, other = self.codec(), self.codec()
        for name in ("head", "browser", "get"):
            assert one.read_head(_USUAL[name]) == _reading(_USUAL[name])
            assert other.read_head(_PLAIN) == _reading(_PLAIN)

    def check_readings_are_bytes(self) -> None:
        """Not views of a buffer, and in a list of pairs: applications compare, hash and keep them."""
        method, target, fields = self.codec().read_head(_USUAL["browser"])
        assert type(method) is bytes
        assert type(target) is bytes
        assert type(fields) is list
        assert all(type(field) is tuple and len(field) == 2 for field in fields)
        assert all(type(name) is bytes and type(value) is bytes for name, value in fields)

    @staticmethod
    def _read_or_decline(codec: Http1Codec, head: bytes) -> tuple[bytes, bytes, Headers] | None:
        try:
            return codec.read_head(head)
        except ValueError:
            return None


class Http1Suite(RequestChecks, ConnectionChecks, ExpectationChecks, EndChecks, UpgradeChecks, HttpSuite):
    """Every provider that serves HTTP/1 passes this suite, one that brings a codec for the kernel's connection as well
    as one that brings a connection of its own: all rules about bytes, besides those of `HttpSuite`."""

    kind = "http"
    client = Http1Client

    @classmethod
    def applies(cls, provider: Any) -> bool:
        """To providers that serve HTTP/1."""
        return isinstance(provider, HttpProvider) and "http/1.1" in provider.alpn
