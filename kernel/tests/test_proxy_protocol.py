"""The PROXY protocol: headers of both versions, in any segments, from trusted peers only."""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest

from tricorn.config import Config
from tricorn.proxy_protocol import BLOCK_LIMIT, LINE_LIMIT, SIGNATURE, Addresses, read_header
from tricorn.testing.calls import Calls
from tricorn.testing.http1_base import request
from tricorn.testing.http1_client import Http1Client
from tricorn.testing.memory_server import memory_server, run_in_memory
from tricorn.testing.strict import STRICT

V4: Addresses = (("203.0.113.7", 4711), ("198.51.100.1", 443))
V6: Addresses = (("2001:db8::7", 4711), ("2001:db8::1", 443))


def block(command: int, family: int, payload: bytes) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(payload)) + payload


def packed(family: int, addresses: Addresses, extensions: bytes = b"") -> bytes:
    (client, client_port), (server, server_port) = addresses
    ips = socket.inet_pton(family, client) + socket.inet_pton(family, server)
    return ips + struct.pack("!HH", client_port, server_port) + extensions


HEADERS: dict[str, tuple[bytes, Addresses | None]] = {
    "tcp4": (b"PROXY TCP4 203.0.113.7 198.51.100.1 4711 443\r\n", V4),
    "tcp6": (b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n", V6),
    "unknown": (b"PROXY UNKNOWN\r\n", None),
    "unknown_with_addresses": (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
    "block_ipv4": (block(0x21, 0x11, packed(socket.AF_INET, V4)), V4),
    "block_ipv6": (block(0x21, 0x21, packed(socket.AF_INET6, V6)), V6),
    "block_with_extensions": (block(0x21, 0x11, packed(socket.AF_INET, V4, b"\x04\x00\x01x" * 20)), V4),
    "block_local": (block(0x20, 0x00, b""), None),
    "block_local_with_addresses": (block(0x20, 0x11, packed(socket.AF_INET, V4)), None),
    "block_unspecified": (block(0x21, 0x00, b"anything"), None),
    "block_unix": (block(0x21, 0x31, b"\0" * 216), None),
    "block_datagram": (block(0x21, 0x12, packed(socket.AF_INET, V4)), None),
}

BROKEN = {
    "request": request(),
    "no_space": b"PROXYTCP4 203.0.113.7 198.51.100.1 4711 443\r\n",
    "lower_case": b"proxy TCP4 203.0.113.7 198.51.100.1 4711 443\r\n",
    "other_family": b"PROXY UDP4 203.0.113.7 198.51.100.1 4711 443\r\n",
    "two_spaces": b"PROXY TCP4  203.0.113.7 198.51.100.1 4711 443\r\n",
    "missing_port": b"PROXY TCP4 203.0.113.7 198.51.100.1 4711\r\n",
    "port_too_big": b"PROXY TCP4 203.0.113.7 198.51.100.1 4711 65536\r\n",
    "port_leading_zero": b"PROXY TCP4 203.0.113.7 198.51.100.1 04711 443\r\n",
    "port_sign": b"PROXY TCP4 203.0.113.7 198.51.100.1 +4711 443\r\n",
    "bad_address": b"PROXY TCP4 203.0.113.777 198.51.100.1 4711 443\r\n",
    "octal_address": b"PROXY TCP4 203.0.113.07 198.51.100.1 4711 443\r\n",
    "family_mismatch": b"PROXY TCP4 2001:db8::7 2001:db8::1 4711 443\r\n",
    "bare_lf": b"PROXY TCP4 203.0.113.7 198.51.100.1 4711 443\n" + request(),
    "endless": b"PROXY UNKNOWN " + b"x" * LINE_LIMIT,
    "unknowns": b"PROXY UNKNOWNS\r\n",
    "block_version_1": block(0x11, 0x11, packed(socket.AF_INET, V4)),
    "block_command_2": block(0x22, 0x11, packed(socket.AF_INET, V4)),
    "block_too_short": block(0x21, 0x11, b"\0" * 11),
    "block_too_short_ipv6": block(0x21, 0x21, packed(socket.AF_INET, V4)),
    "block_too_large": SIGNATURE + struct.pack("!BBH", 0x21, 0x11, BLOCK_LIMIT + 1),
    "block_signature_broken": SIGNATURE[:-1] + b"\r" + b"\0" * 16,
}


@pytest.mark.parametrize("name", HEADERS)
def test_reads_headers_as_soon_as_they_are_complete(name: str) -> None:
    header, addresses = HEADERS[name]
    for end in range(1, len(header)):
        assert read_header(header[:end]) is None
    for behind in (b"", request(), header):
        assert read_header(header + behind) == (len(header), addresses)


@pytest.mark.parametrize("name", BROKEN)
def test_refuses_everything_else(name: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        read_header(BROKEN[name])


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_connection_is_served_under_the_addresses_of_its_header(name: str, size: int) -> None:
    header, addresses = HEADERS[name]

    async def check() -> None:
        calls = Calls()
        options = {"proxy_protocol": True, "forwarded_allow_ips": "192.0.2.0/24"}
        async with memory_server(calls.app, STRICT, **options) as server:
            client = Http1Client(server)
            answer = client.expect()
            await client.send_pieces(header + request(), size)
            call = await calls()
            expected = addresses or (("192.0.2.1", 50000), ("192.0.2.2", 8000))
            assert (call.scope["client"], call.scope["server"]) == expected
            await call.respond(b"x" * 100_000)
            assert await answer.whole() == b"x" * 100_000
            assert server.access[0][0] == "{}:{}".format(*expected[0])
            answer = client.ask_raw(request(b"Content-Length: 200000", method=b"POST") + b"x" * 200_000)
            assert await (await calls()).body() == b"x" * 200_000
            client.leave(answer)

    run_in_memory(check())


@pytest.mark.parametrize("name", BROKEN)
def test_a_connection_with_another_beginning_is_closed_silently(name: str) -> None:
    async def check() -> None:
        calls = Calls()
        async with memory_server(calls.app, STRICT, proxy_protocol=True, forwarded_allow_ips="*") as server:
            client = Http1Client(server)
            await client.send_pieces(BROKEN[name] + request(), 5)
            await client.until_closed()
            await server.settle()
            assert not client.received
            assert calls.count == 0
            assert not server.kernel.connections
            assert len(server.log) == 1

    run_in_memory(check())


@pytest.mark.parametrize("addresses", [{}, {"client": "", "server": "/run/test.sock"}])
def test_peers_that_are_not_trusted_are_closed(addresses: dict[str, Any]) -> None:
    async def check() -> None:
        calls = Calls()
        async with memory_server(calls.app, STRICT, proxy_protocol=True) as server:
            client = Http1Client(server, **addresses)
            client.send_raw(HEADERS["tcp4"][0] + request())
            await client.until_closed()
            await server.settle()
            assert not client.received
            assert calls.count == 0
            assert not server.kernel.connections
            assert "--forwarded-allow-ips" in server.log[0].getMessage()

    run_in_memory(check())


def test_a_header_has_the_deadline_of_a_request_head() -> None:
    async def check() -> None:
        options = {"proxy_protocol": True, "forwarded_allow_ips": "*", "timeout_request_head": 10}
        async with memory_server(Calls().app, STRICT, **options) as server:
            client = Http1Client(server)
            client.send_raw(b"PROXY TCP4")
            await server.advance(10)
            assert client.closed
            assert not client.received

    run_in_memory(check())


def test_draining_closes_who_has_not_begun() -> None:
    async def check() -> None:
        async with memory_server(Calls().app, STRICT, proxy_protocol=True, forwarded_allow_ips="*") as server:
            client = Http1Client(server)
            server.kernel.drain()
            await client.until_closed()

    run_in_memory(check())


def test_a_client_that_leaves_early_is_forgotten() -> None:
    async def check() -> None:
        async with memory_server(Calls().app, STRICT, proxy_protocol=True, forwarded_allow_ips="*") as server:
            client = Http1Client(server)
            client.send_raw(b"PROXY")
            client.half_close()
            await server.settle()
            assert client.closed
            assert not server.kernel.connections

    run_in_memory(check())


def test_tls_and_the_header_do_not_go_together(tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    import ssl

    config = Config(
        Calls().app,
        log_config=None,
        proxy_protocol=True,
        http=[STRICT],
        ws="none",
        ssl_context_factory=lambda config, default: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
    )
    with pytest.raises(SystemExit):
        config.load()
    assert "clear text" in caplog.text
