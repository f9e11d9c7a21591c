"""WebSocket echo load: a client on plain sockets that is cheap enough for the server to be the limit.

Frames are masked before the clock runs. Replies of known length are counted by their bytes; compressed ones by the
heads of their frames. For every message that came back one is sent, all of them in one write.
"""

from __future__ import annotations

import gc
import re
import select
import socket
import time
from dataclasses import dataclass

from benchmarks.loads import Bench, Failed, Values, per_100k
from benchmarks.loads.frames import Counter, deflated, frame, reply_length, text
from benchmarks.process import connect, cpu_seconds

LONGEST = 18.0
"""Seconds that connections may last: servers send their first ping after 20, and bytes are counted here."""

MESSAGES = 16
"""How many different messages a compressed load has, so that a window across messages does not find them all."""

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
REQUEST = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: " + KEY + b"\r\nSec-WebSocket-Version: 13\r\n"
)
OFFER = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
"""What browsers offer."""


@dataclass(frozen=True)
class WebSocket:
    """Text messages of `size` bytes, `in_flight` on each of `connections`."""

    size: int
    connections: int
    in_flight: int
    deflate: bool = False

    def measure(self, bench: Bench) -> Values:
        """Messages per second and CPU seconds per 100,000 of them."""
        if bench.seconds + bench.warmup > LONGEST:
            raise Failed(f"WebSocket loads last at most {LONGEST:.0f} s, warm-up included")
        with bench.serve() as server, Client(server.port, self, bench.connections) as client:
            client.run(bench.warmup)
            members = server.members()
            before, own, began = cpu_seconds(members), time.process_time(), time.perf_counter()
            count = client.run(bench.seconds)
            elapsed = time.perf_counter() - began
            cpu, busy = cpu_seconds(members) - before, time.process_time() - own
        if not count:
            raise Failed("no message came back")
        return {
            "rate": count / elapsed,
            "cpu": per_100k(cpu, count),
            "server_busy": cpu / elapsed,
            "client_busy": busy / elapsed,
            "requests": float(count),
            "errors": 0.0,
        }


def handshake(sock: socket.socket, deflate: bool) -> int:
    """Upgrade the connection; the window bits that the client may compress with, 0 without compression.

    Raises Failed when the server refuses, or does not agree on compression exactly when it was offered.
    """
    sock.sendall(REQUEST + (OFFER if deflate else b"") + b"\r\n")
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        data = sock.recv(4096)
        if not data:
            break
        answer += data
    if not answer.startswith(b"HTTP/1.1 101"):
        raise Failed(f"the upgrade was answered with {answer[:40]!r}")
    agreed = b"permessage-deflate" in answer.lower()
    if agreed != deflate:
        raise Failed("permessage-deflate was not agreed on" if deflate else "permessage-deflate without an offer")
    bits = re.search(rb"client_max_window_bits=(\d+)", answer)
    return (int(bits[1]) if bits else 15) if deflate else 0


class Client:
    """The connections of one load; a context manager."""

    def __init__(self, port: int, load: WebSocket, connections: int | None = None) -> None:
        self._size = load.size
        self._sockets: dict[int, socket.socket] = {}
        self._poll = select.epoll()
        bits = 0
        for _ in range(connections or load.connections):
            sock = connect(port, timeout=10)
            bits = handshake(sock, load.deflate)
            self._sockets[sock.fileno()] = sock
        if load.deflate:
            # zlib writes no raw blocks with a window of 8 bits.
            bits = max(9, bits)
            self._frames = [frame(deflated(text(load.size, i), bits), 0x1, True) for i in range(MESSAGES)]
        else:
            self._frames = [frame(text(load.size, 0), 0x1)]
            check_echo(next(iter(self._sockets.values())), self._frames[0], text(load.size, 0))
        self._runs = [b"".join(self._pick(0, count)) for count in range(load.in_flight + 1)]
        self._counters = {fd: Counter() for fd in self._sockets} if load.deflate else None
        self._got = dict.fromkeys(self._sockets, 0)
        for fd, sock in self._sockets.items():
            sock.settimeout(10)
            self._poll.register(fd, select.EPOLLIN)
            sock.sendall(self._runs[load.in_flight])

    def _pick(self, start: int, count: int) -> list[bytes]:
        frames = self._frames
        return [frames[(start + i) % len(frames)] for i in range(count)]

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self._poll.close()
        for sock in self._sockets.values():
            sock.close()

    def run(self, seconds: float) -> int:
        """Echo for `seconds`; how many messages came back. Raises Failed when a connection ends."""
        gc.collect()
        gc.disable()
        try:
            return self._run_counting(seconds) if self._counters else self._run(seconds)
        finally:
            gc.enable()

    def _run(self, seconds: float) -> int:
        poll, sockets, got, runs, clock = self._poll.poll, self._sockets, self._got, self._runs, time.perf_counter
        length, found = reply_length(self._size), 0
        buffer = memoryview(bytearray(1 << 20))
        end = clock() + seconds
        while clock() < end:
            for fd, _ in poll(0.1):
                sock = sockets[fd]
                count = sock.recv_into(buffer)
                if not count:
                    raise Failed("the server closed a WebSocket")
                whole, got[fd] = divmod(got[fd] + count, length)
                if whole:
                    found += whole
                    sock.sendall(runs[whole])
        return found

    def _run_counting(self, seconds: float) -> int:
        poll, sockets, clock = self._poll.poll, self._sockets, time.perf_counter
        assert self._counters is not None
        counters, found = self._counters, 0
        end = clock() + seconds
        while clock() < end:
            for fd, _ in poll(0.1):
                sock = sockets[fd]
                data = sock.recv(1 << 18)
                if not data:
                    raise Failed("the server closed a WebSocket")
                whole = counters[fd].count(data)
                if whole:
                    sock.sendall(b"".join(self._pick(found, whole)))
                    found += whole
        return found


def check_echo(sock: socket.socket, message: bytes, payload: bytes) -> None:
    """One echo, byte for byte: replies are counted by their length from here on. Raises Failed."""
    sock.sendall(message)
    wanted, answer = reply_length(len(payload)), b""
    while len(answer) < wanted:
        data = sock.recv(1 << 18)
        if not data:
            break
        answer += data
    if len(answer) != wanted or answer[0] != 0x81 or not answer.endswith(payload):
        raise Failed("an echo is not one frame with the message that was sent")
