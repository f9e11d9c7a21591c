"""HAProxy passing bytes on without reading them: who the client is comes from the PROXY protocol.

Not part of the default run, like its neighbour.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.servers import DEADLINE, CommandLine

CONFIGURATION = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend in
    bind 127.0.0.1:{port}
    default_backend out
backend out
    server tricorn 127.0.0.1:{server} {option}
"""

REQUEST = b"GET /scope HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"


@pytest.fixture(params=["send-proxy", "send-proxy-v2"])
def ports(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[int, int]]:
    """The ports of HAProxy and of the server behind it."""
    with ExitStack() as stack:
        reserved = stack.enter_context(socket.socket())
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        arguments = ("tests.proxies.app:app", "--port", "0", "--proxy-protocol")
        server = stack.enter_context(CommandLine(*arguments, directory=tmp_path))
        behind = int(server.url.rpartition(":")[2])
        path = tmp_path / "haproxy.cfg"
        path.write_text(CONFIGURATION.format(port=port, server=behind, option=request.param))
        process = subprocess.Popen(["haproxy", "-db", "-f", str(path)], stdout=subprocess.DEVNULL, stderr=sys.stderr)
        stack.callback(process.wait, DEADLINE)
        stack.callback(process.terminate)
        until = time.monotonic() + DEADLINE
        while time.monotonic() < until:
            assert process.poll() is None, "HAProxy did not start"
            try:
                socket.create_connection(("127.0.0.1", port), DEADLINE).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
        yield port, behind


def ask(port: int) -> tuple[tuple[str, int], bytes]:
    """Where the client was, and all that it got."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as client:
        client.settimeout(DEADLINE)
        client.sendall(REQUEST)
        received = b""
        while data := client.recv(65536):
            received += data
        return client.getsockname(), received


def test_the_application_sees_the_clients_own_address(ports: tuple[int, int]) -> None:
    for _ in range(3):
        address, received = ask(ports[0])
        head, _, body = received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert json.loads(body)["client"] == list(address)


def test_who_goes_around_the_proxy_gets_nothing(ports: tuple[int, int]) -> None:
    try:
        received = ask(ports[1])[1]
    except ConnectionResetError:
        received = b""
    assert received == b""
