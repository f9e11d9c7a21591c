"""Memory that connections cost while nothing happens on them."""

from __future__ import annotations

import contextlib
import resource
import select
import socket
from dataclasses import dataclass

from benchmarks.loads import Bench, Failed, Values
from benchmarks.loads.paced import REQUEST
from benchmarks.process import connect, resident_bytes

SPARE_FILES = 200


@dataclass(frozen=True)
class Idle:
    """`connections` that have each sent one request and wait for the next, as behind a browser or a proxy."""

    connections: int = 10_000

    def measure(self, bench: Bench) -> Values:
        """Megabytes that the server grew by, per connection as well, and its size before."""
        wanted = bench.connections or self.connections
        raise_file_limit(wanted + SPARE_FILES)
        with bench.serve() as server, contextlib.ExitStack() as stack:
            # Caches, pools and lazily imported modules are no cost of a connection.
            for _ in range(50):
                with connect(server.port, timeout=10) as sock:
                    _ask(sock)
            before = resident_bytes(server.members())
            poll = select.poll()
            for _ in range(wanted):
                sock = stack.enter_context(connect(server.port, timeout=10))
                _ask(sock)
                poll.register(sock, select.POLLIN)
            after = resident_bytes(server.members())
            gone = len(poll.poll(0))
        if gone:
            raise Failed(f"{gone} of {wanted} idle connections were closed before all were open")
        return {
            "mb": (after - before) / 1e6,
            "bytes_per_connection": (after - before) / wanted,
            "base_mb": before / 1e6,
            "total_mb": after / 1e6,
        }


def _ask(sock: socket.socket) -> None:
    sock.sendall(REQUEST)
    answer = b""
    while not answer.endswith(b"Hello, World!"):
        data = sock.recv(65536)
        if not data:
            raise Failed("the connection was closed instead of an answer")
        answer += data


def raise_file_limit(wanted: int) -> None:
    """Let this process and the servers it starts open `wanted` files. Raises Failed where the system forbids it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            limit = hard if hard == resource.RLIM_INFINITY else max(hard, wanted)
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, limit))
        except (ValueError, OSError) as error:
            raise Failed(f"{wanted} open files are needed and the limit is {hard} (ulimit -n): {error}") from None
