"""What is asked of a server, and what came back."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from tricorn.testing.ws_peer import BINARY, TEXT, frame

KEY = b"AAAAAAAAAAAAAAAAAAAAAA=="
"""The nonce of every handshake (RFC 6455 section 4.1): it guards against caches, and there is none here."""


@dataclass(frozen=True)
class Load:
    """What the clients do, and for how long.

    connections: each has one request, or one message, under way. seconds: of one measurement, behind `warm_up` seconds
    that do not count. body: of the request, or the message. ws_path: where the WebSocket is that sends messages back;
    None for a load of requests.
    """

    connections: int
    seconds: float
    warm_up: float
    method: str = "GET"
    path: str = "/"
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    ws_path: str | None = None

    def request(self, port: int) -> bytes:
        """The bytes of the request (RFC 9112)."""
        fields = [("Host", f"127.0.0.1:{port}"), *self.headers]
        if self.body or self.method in ("POST", "PUT", "PATCH"):
            fields.append(("Content-Length", str(len(self.body))))
        return self._head(self.method, self.path, fields) + self.body

    def handshake(self, port: int) -> bytes:
        """The bytes that ask for the WebSocket."""
        fields = [
            *(("Host", f"127.0.0.1:{port}"), ("Upgrade", "websocket"), ("Connection", "Upgrade")),
            *(("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", KEY.decode()), *self.headers),
        ]
        return self._head("GET", self.ws_path or "/", fields)

    def message(self) -> bytes:
        """The frame of one message: text where the body is that."""
        try:
            self.body.decode()
        except UnicodeDecodeError:
            return frame(BINARY, self.body)
        return frame(TEXT, self.body)

    def _head(self, method: str, path: str, fields: Sequence[tuple[str, str]]) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields), "", ""]
        return "\r\n".join(lines).encode("latin-1")


class Tally:
    """What the clients of one measurement share: what came back since the last `reset`.

    latencies: the seconds of every answer that was as it should be: a status of 2xx, or a message. failures: what came
    instead, and how often. heads: what the head of a response says, once one of the clients has read it.
    """

    def __init__(self) -> None:
        self.heads: dict[bytes, tuple[int, int, bool]] = {}
        self.reset()

    def reset(self) -> None:
        """Forget what has come so far."""
        self.latencies = array("d")
        self.failures: Counter[str] = Counter()

    def answered(self, status: int, begun: float) -> None:
        """The response to a request that left at `begun` is complete."""
        if 200 <= status < 300:
            self.latencies.append(perf_counter() - begun)
        else:
            self.failures[str(status)] += 1

    def only_failures(self) -> bool:
        """Whether something came, and nothing of it was as it should be."""
        return bool(self.failures) and not self.latencies
