"""The PROXY protocol, versions 1 and 2: who the client is, said by a proxy that passes bytes on without reading them.

A connection begins with one header, which gives the addresses of the client and of where it connected to; all behind it
is the client's own. The header must be there, and must come from a trusted peer: whoever may leave it out could also
write it. What breaks these rules is closed without an answer, because nobody knows what the other end speaks.

The specification is HAProxy's, "The PROXY protocol, versions 1 & 2" (2020/03/05).
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from tricorn.proxy import TrustedPeers

if TYPE_CHECKING:
    from tricorn.kernel import Kernel

__all__ = ["Addresses", "ProxyProtocol", "read_header"]

Addresses = tuple[tuple[str, int], tuple[str, int]]
"""Of the client, and of where it connected to."""

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LINE_LIMIT = 107
"""Bytes of a header of version 1, its line end included (section 2.1)."""
BLOCK_LIMIT = 4096
"""Bytes behind the first sixteen of a header of version 2: addresses, and extensions, which are skipped."""

_LINE = re.compile(rb"PROXY (TCP4|TCP6) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) (0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4})")


def read_header(data: bytes) -> tuple[int, Addresses | None] | None:
    """The size of the header that `data` begins with and the addresses it gives; None while it is not complete.

    Addresses are None where the proxy speaks for itself (LOCAL, health checks) or knows none that are of use (UNKNOWN).
    Raises ValueError for anything else, as soon as it cannot become a header.
    """
    if SIGNATURE.startswith(data[: len(SIGNATURE)]):
        return _read_block(data) if len(data) >= 16 else None
    if not b"PROXY ".startswith(data[:6]):
        raise ValueError("no PROXY protocol header")
    end = data.find(b"\r\n", 0, LINE_LIMIT)
    if end >= 0:
        return end + 2, _read_line(data[:end])
    if len(data) >= LINE_LIMIT:
        raise ValueError("a PROXY protocol line that does not end")
    return None


def _read_line(line: bytes) -> Addresses | None:
    if line == b"PROXY UNKNOWN" or line.startswith(b"PROXY UNKNOWN "):
        return None
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError("an invalid PROXY protocol line")
    family, client, server, client_port, server_port = (group.decode("ascii") for group in match.groups())
    kind = ipaddress.IPv4Address if family == "TCP4" else ipaddress.IPv6Address
    ports = int(client_port), int(server_port)
    if max(ports) > 65535:
        raise ValueError("an invalid port in a PROXY protocol line")
    return (str(kind(client)), ports[0]), (str(kind(server)), ports[1])


def _read_block(data: bytes) -> tuple[int, Addresses | None] | None:
    command, family, size = struct.unpack_from("!BBH", data, 12)
    if command not in (0x20, 0x21):
        raise ValueError("an unknown PROXY protocol version or command")
    if size > BLOCK_LIMIT:
        raise ValueError("a PROXY protocol header that is too large")
    if len(data) < 16 + size:
        return None
    kind = {0x11: socket.AF_INET, 0x21: socket.AF_INET6}.get(family)
    if command == 0x20 or kind is None:
        return 16 + size, None
    length = 4 if kind == socket.AF_INET else 16
    if size < 2 * length + 4:
        raise ValueError("a PROXY protocol header that is too short for its addresses")
    client, server = data[16 : 16 + length], data[16 + length : 16 + 2 * length]
    ports = struct.unpack_from("!HH", data, 16 + 2 * length)
    return 16 + size, ((str(ipaddress.ip_address(client)), ports[0]), (str(ipaddress.ip_address(server)), ports[1]))


class Readdressed(asyncio.Transport):
    """A transport that gives other addresses. Everything else is the real one's methods themselves, at no further cost
    for each call."""

    def __init__(self, transport: asyncio.Transport, addresses: Addresses) -> None:
        super().__init__()
        self._real = transport
        self._peername, self._sockname = addresses
        for name in dir(asyncio.Transport):
            if not name.startswith("_") and name != "get_extra_info" and hasattr(transport, name):
                setattr(self, name, getattr(transport, name))

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """The addresses of the header; the rest of the real transport."""
        if name == "peername":
            return self._peername
        if name == "sockname":
            return self._sockname
        return self._real.get_extra_info(name, default)


class ProxyProtocol(asyncio.Protocol):
    """The first protocol object of a connection (`tricorn.api.Connection`), until its header has been read."""

    __slots__ = ("_factory", "_kernel", "_received", "_transport", "_trusted", "deadline")

    _transport: asyncio.Transport

    def __init__(self, kernel: Kernel, trusted: TrustedPeers, factory: Callable[[], asyncio.Protocol]) -> None:
        self._kernel = kernel
        self._trusted = trusted
        self._factory = factory
        self._received = b""
        self.deadline = 0.0

    # --- asyncio's side -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection was accepted; its header is due."""
        self._transport = cast("asyncio.Transport", transport)
        kernel = self._kernel
        kernel.add(self)
        client, _, name = kernel.addresses(transport)
        if (client[0] if client else None) not in self._trusted:
            kernel.log.warning(
                "%s may not speak for others: see --forwarded-allow-ips.", name or "A UNIX socket's peer"
            )
            transport.close()
            return
        self.deadline = kernel.due(kernel.timeout_head)

    def data_received(self, data: bytes) -> None:
        """The header, or a part of it, and perhaps what stands behind it."""
        if self._transport.is_closing():
            return
        self._received = received = self._received + data
        try:
            header = read_header(received)
        except ValueError as error:
            self._kernel.log.warning("A connection was closed: %s.", error)
            self._transport.abort()
            return
        if header is not None:
            self._hand_over(received[header[0] :], header[1])

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer left before its header was complete."""
        self._kernel.remove(self)

    def _hand_over(self, received: bytes, addresses: Addresses | None) -> None:
        self._kernel.remove(self)
        self._received = b""
        transport = self._transport
        protocol = self._factory()
        transport.set_protocol(protocol)
        protocol.connection_made(transport if addresses is None else Readdressed(transport, addresses))
        if received:
            # Whoever has taken over may have passed the connection on.
            cast("asyncio.Protocol", transport.get_protocol()).data_received(received)

    # --- the kernel's side ----------------------------------------------------------------------------------------

    def expire(self) -> None:
        """The header did not come in time."""
        self._transport.close()

    def drain(self) -> None:
        """The server is shutting down: nothing has been asked for."""
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()
