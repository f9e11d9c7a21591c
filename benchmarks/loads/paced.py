"""HTTP load at a fixed rate, on sockets of our own: wrk has no rate control, and a closed loop hides waiting.

Requests are due at moments drawn in advance (Poisson arrivals with a fixed seed), whether the server keeps up or not,
and a latency runs from the moment a request was due. The client polls without sleeping: it needs a core of its own.
"""

from __future__ import annotations

import gc
import random
import select
import time
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.loads import Bench, Failed, Values, per_100k
from benchmarks.process import connect, cpu_seconds

if TYPE_CHECKING:
    import socket

REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@dataclass(frozen=True)
class Paced:
    """Small GETs on kept-alive connections at half of what the baseline can serve."""

    connections: int = 64

    def measure(self, bench: Bench) -> Values:
        """Latencies in ms from the moment a request was due, with the rate offered and reached."""
        rate = bench.rate()
        with bench.serve() as server, Client(server.port, bench.connections or self.connections, server.tls) as client:
            client.run(bench.warmup, rate)
            members = server.members()
            before, own, began = cpu_seconds(members), time.process_time(), time.perf_counter()
            latencies = client.run(bench.seconds, rate)
            elapsed = time.perf_counter() - began
            cpu, busy = cpu_seconds(members) - before, time.process_time() - own
        if not latencies:
            raise Failed("no request was answered")
        ordered = sorted(latencies)
        return {
            "offered": rate,
            "rate": len(ordered) / elapsed,
            "cpu": per_100k(cpu, len(ordered)),
            "server_busy": cpu / elapsed,
            "client_busy": busy / elapsed,
            "requests": float(len(ordered)),
            "errors": 0.0,
            **{name: quantile(ordered, q) * 1e3 for name, q in (("p50_ms", 0.5), ("p99_ms", 0.99), ("p999_ms", 0.999))},
            "max_ms": ordered[-1] * 1e3,
        }


def quantile(ordered: list[float], q: float) -> float:
    """The smallest value that is not below a share `q` of the ordered values."""
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


class Client:
    """Connections to one server, each with at most one request under way; a context manager."""

    def __init__(self, port: int, connections: int, tls: bool = False) -> None:
        self._sockets = [connect(port, tls, timeout=10) for _ in range(connections)]
        self._length = self._learn(self._sockets[0])
        self._poll = select.epoll()
        self._by_fd: dict[int, socket.socket] = {}
        for sock in self._sockets:
            sock.setblocking(False)
            self._by_fd[sock.fileno()] = sock
            self._poll.register(sock.fileno(), select.EPOLLIN)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self._poll.close()
        for sock in self._sockets:
            sock.close()

    @staticmethod
    def _learn(sock: socket.socket) -> int:
        """The length of every answer: the application's body is constant and so is the length of a head."""
        sock.sendall(REQUEST)
        received = b""
        while b"\r\n\r\n" not in received:
            data = sock.recv(65536)
            if not data:
                raise Failed("the connection was closed instead of an answer")
            received += data
        head, _, body = received.partition(b"\r\n\r\n")
        lengths = [line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        if not lengths:
            raise Failed("the answer to a small GET has no content-length")
        missing = int(lengths[0]) - len(body)
        while missing > 0:
            missing -= len(sock.recv(65536))
        return len(head) + 4 + int(lengths[0])

    def run(self, seconds: float, rate: float = 0.0) -> array[float]:
        """Send requests for `seconds` at `rate` per second, or each one after the last answer when it is 0.

        Returns the latencies in seconds, after the last answer has come. Raises Failed when a connection ends.
        """
        gc.collect()
        gc.disable()
        try:
            return self._run(seconds, rate)
        finally:
            gc.enable()

    def _run(self, seconds: float, rate: float) -> array[float]:
        draw, clock = random.Random(1).expovariate, time.perf_counter
        poll, by_fd, length = self._poll.poll, self._by_fd, self._length
        idle, left, since = list(by_fd), dict.fromkeys(by_fd, length), dict.fromkeys(by_fd, 0.0)
        latencies = array("d")
        due = clock()
        end = due + seconds
        while True:
            now = clock()
            if not rate:
                due = now
            while due <= now and due < end and idle:
                fd = idle.pop()
                since[fd] = due
                by_fd[fd].send(REQUEST)
                due = due + draw(rate) if rate else now
            if len(idle) == len(by_fd) and due >= end:
                return latencies
            for fd, _ in poll(0):
                count = len(by_fd[fd].recv(65536))
                if not count:
                    raise Failed("the server closed a kept-alive connection")
                left[fd] -= count
                if left[fd] <= 0:
                    if left[fd] < 0:
                        raise Failed("answers to the same request differ in length")
                    left[fd] = length
                    latencies.append(clock() - since[fd])
                    idle.append(fd)


def capacity(port: int, seconds: float, connections: int = 64) -> float:
    """Requests per second of a server in a closed loop, as far as this client can tell."""
    with Client(port, connections) as client:
        began = time.perf_counter()
        count = len(client.run(seconds))
        return count / (time.perf_counter() - began)
