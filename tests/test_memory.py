"""What a server holds for a client or an application that does not take its bytes stays small, whatever is on offer."""

from __future__ import annotations

import platform
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.servers import LOOP, CommandLine, connect, push, read_until
from tests.watching import Watched

MB = 1 << 20
LIMIT = 24 * MB
"""What the server's memory may grow by, of a gigabyte; the sockets' own buffers are the system's."""


@pytest.fixture(params=LOOP)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watched]:
    arguments = ("tests.apps.abuse:app", "--port", "0", "--loop", request.param, "--no-access-log")
    with CommandLine(*arguments, directory=tmp_path) as process:
        yield Watched(process)


def test_a_slow_reader_of_a_gigabyte_costs_little(server: Watched) -> None:
    with connect(server.address) as client:
        # A buffer of this size; else the system lets it grow to what tcp_rmem allows, 32 MB on some machines.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MB)
        client.sendall(b"GET /stream HTTP/1.1\r\nhost: test\r\n\r\n")
        read_until(client, b"\r\n\r\n")
        read = 0
        while read < 32 * MB:
            read += len(client.recv(65536))
        # The application is where it was: it cannot go on before the client does.
        sent, before = server.seen()["sent"], -1
        while sent != before:
            sent, before = server.seen()["sent"], sent
        assert sent < read + LIMIT
    assert server.growth < LIMIT


@pytest.mark.parametrize("framing", ["content-length: 1073741824", "transfer-encoding: chunked"])
def test_an_upload_that_nobody_reads_costs_little(server: Watched, framing: str) -> None:
    head = f"POST /unread HTTP/1.1\r\nhost: test\r\n{framing}\r\n\r\n"
    with connect(server.address) as client:
        client.sendall(head.encode())
        taken = push(client, b"10000\r\n" + bytes(65536) + b"\r\n", 1024 * MB)
        assert taken < LIMIT
        assert server.seen()["unread"] == 1
    assert server.growth < LIMIT


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc's malloc that has to be told")
@pytest.mark.parametrize("loop", LOOP)
def test_the_memory_of_a_body_is_there_for_the_next(loop: str, tmp_path: Path) -> None:
    body = bytes(100_000)
    request = b"POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 100000\r\n\r\n" + body
    arguments = ("benchmarks.apps:echo", "--port", "0", "--loop", loop, "--no-access-log")
    with CommandLine(*arguments, directory=tmp_path) as server, ExitStack() as stack:
        parts = urlsplit(server.url)
        address = (str(parts.hostname), int(parts.port or 0))
        clients = [stack.enter_context(connect(address)) for _ in range(16)]

        def page_faults() -> int:
            return int(Path(f"/proc/{server.popen.pid}/stat").read_text().rpartition(")")[2].split()[7])

        def ask_all() -> None:
            for client in clients:
                client.sendall(request)
            for client in clients:
                read_until(client, body)

        ask_all()
        before = page_faults()
        for _ in range(20):
            ask_all()
        # One of 25 pages that are mapped again for each body would make 8,000.
        assert page_faults() - before < 1000
