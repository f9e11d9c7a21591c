"""Connections in numbers that no client needs, and connections that break at the worst moment."""

from __future__ import annotations

import contextlib
import resource
import signal
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.apps import abuse
from tests.servers import DEADLINE, LOOP, PAIRS, WS, Combination, CommandLine, ThreadServer, connect, read_until
from tests.watching import Watched

GET = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n"
KB = 1024


@contextlib.contextmanager
def descriptors(count: int) -> Iterator[int]:
    """Room for so many descriptors in this process and the ones it starts, or as many as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = count if hard == resource.RLIM_INFINITY else min(count, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, limit), hard))
    try:
        yield limit
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("loop", LOOP)
def test_ten_thousand_idle_connections_cost_little_each(loop: str, tmp_path: Path) -> None:
    arguments = ("tests.apps.abuse:app", "--port", "0", "--loop", loop, "--no-access-log", "--timeout-keep-alive", "60")
    with (
        descriptors(10_500) as limit,
        CommandLine(*arguments, directory=tmp_path) as process,
        contextlib.ExitStack() as idle,
    ):
        server = Watched(process)
        count = limit - 500
        clients = [idle.enter_context(connect(server.address)) for _ in range(count)]
        for client in clients:
            client.sendall(GET)
        for client in clients:
            assert client.recv(KB).startswith(b"HTTP/1.1 200 ")
        assert server.seen() == {}
        assert server.growth < count * 16 * KB
        # All of them are idle: none keeps the server from ending.
        assert process.end(signal.SIGTERM) == -signal.SIGTERM


SCARCE = """
import resource, runpy
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
runpy.run_module("tricorn", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("loop", LOOP)
def test_running_out_of_descriptors_passes(loop: str, tmp_path: Path) -> None:
    """Those who are connected are served meanwhile, and everybody once there are descriptors again."""
    arguments = ("tests.apps.abuse:app", "--port", "0", "--loop", loop)
    with CommandLine(*arguments, directory=tmp_path, program=("-c", SCARCE)) as process:
        server = Watched(process)
        with connect(server.address) as early, contextlib.ExitStack() as greedy:
            early.sendall(GET)
            read_until(early, b"ok")
            for _ in range(100):
                greedy.enter_context(connect(server.address)).sendall(GET[:10])
            early.sendall(GET)
            read_until(early, b"ok")
        assert httpx.get(server.url + "/", timeout=DEADLINE).text == "ok"
        assert process.end(signal.SIGTERM) == -signal.SIGTERM
        assert len(process.log) < 100, "the log was flooded"


# --- resets -----------------------------------------------------------------------------------------------------------

HANDSHAKE = (
    b"GET /%b HTTP/1.1\r\nhost: test\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
UPLOAD = b"POST /read HTTP/1.1\r\nhost: test\r\n%b\r\n\r\n"
PHASES: dict[str, tuple[bytes, bytes]] = {
    "before a byte": (b"", b""),
    "in the request line": (b"GET /", b""),
    "in the head": (b"GET / HTTP/1.1\r\nhost: te", b""),
    "behind the head": (UPLOAD % b"content-length: 9", b""),
    "in the body": (UPLOAD % b"content-length: 9" + b"abc", b""),
    "in a chunk": (UPLOAD % b"transfer-encoding: chunked" + b"5\r\nab", b""),
    "in a chunk size": (UPLOAD % b"transfer-encoding: chunked" + b"5", b""),
    "before the continue": (UPLOAD % b"expect: 100-continue\r\ncontent-length: 9", b" 100 "),
    "before the answer": (b"GET /never HTTP/1.1\r\nhost: test\r\n\r\n", b""),
    "in the answer": (b"GET /slow HTTP/1.1\r\nhost: test\r\n\r\n", b"do"),
    "in a stream": (b"GET /stream HTTP/1.1\r\nhost: test\r\n\r\n", b"\r\n\r\n"),
    "in a stream that does not look": (b"GET /deaf HTTP/1.1\r\nhost: test\r\n\r\n", b"still here"),
    "between requests": (GET, b"ok"),
    "with requests waiting": (b"GET /slow HTTP/1.1\r\nhost: test\r\n\r\n" + GET * 9, b"do"),
    "after an error": (b"GET /fail HTTP/1.1\r\nhost: test\r\n\r\n", b"Error"),
    "after a refusal": (b"broken\r\n\r\n" + bytes(9), b" 400 "),
    "in a handshake": (HANDSHAKE[:80], b""),
    "after a handshake": (HANDSHAKE % b"echo", b" 101 "),
    "in a frame": (HANDSHAKE % b"echo" + b"\x82\xfe\x01", b" 101 "),
    "with messages unread": (HANDSHAKE % b"unread" + b"\x82\x83\0\0\0\0abc" * 9, b" 101 "),
}  # fmt: skip


# Every codec on every loop; whichever reads the heads, the kernel has read them before.
@pytest.fixture(
    scope="module",
    params=[Combination(http, ws, loop) for ws in WS for http, loop in PAIRS],
    ids="-".join,
)
def reset_server(request: pytest.FixtureRequest) -> Iterator[ThreadServer]:
    with ThreadServer(abuse.app, request.param, timeout_graceful_shutdown=None) as served:
        yield served
        httpx.get(served.url + "/release", timeout=DEADLINE)


@pytest.mark.parametrize("phase", PHASES)
def test_a_reset_harms_nobody(reset_server: ThreadServer, phase: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nor leaves anything behind: the server of this test ends only when every call and connection has."""
    sent, awaited = PHASES[phase]
    with connect(reset_server.address) as client:
        client.sendall(sent)
        if awaited:
            read_until(client, awaited)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert httpx.get(reset_server.url + "/", timeout=DEADLINE).text == "ok"
    errors = [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]
    assert [record.getMessage() for record in errors] == ["Exception in ASGI application"] * (phase == "after an error")
