"""Which of several HTTP plugins serves a connection: what TLS has negotiated, or the first bytes in clear text.

With one plugin selected none of this is used. With several, a connection begins with a `Negotiation`, which hands it to
the protocol object of the chosen plugin:

    TLS         the plugin whose ALPN name (RFC 7301) was agreed on, in the server's order; without one the default
    clear text  the plugin whose preface the first bytes are (RFC 9113 section 3.3: prior knowledge); else the default

The default is the first plugin that speaks `http/1.1`, or else the first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from tricorn.api import Head, HttpProvider, Refusal
from tricorn.heads import check_controls, examine, method_name, read_strict
from tricorn.http1 import FIRST_REQUEST_TIME, Http1Connection

if TYPE_CHECKING:
    from tricorn.kernel import Kernel

Factory = Callable[[], asyncio.Protocol]


def protocol_factory(kernel: Kernel, providers: Sequence[HttpProvider]) -> Factory:
    """What makes the protocol object of a new connection, for `loop.create_server`."""
    settings = kernel.settings
    factory: Factory = partial(Negotiation, kernel, providers)
    if len(providers) == 1:
        factory = _factory(kernel, providers[0])
    if settings.proxy_protocol:
        from tricorn.proxy import TrustedPeers
        from tricorn.proxy_protocol import ProxyProtocol

        factory = partial(ProxyProtocol, kernel, TrustedPeers(settings.forwarded_allow_ips), factory)
    if settings.limit_connections:
        from tricorn.entrance import Entrance

        factory = Entrance(kernel, settings.limit_connections, factory)
    return factory


def _factory(kernel: Kernel, provider: HttpProvider) -> Factory:
    if provider.codec is not None:
        return partial(Http1Connection, kernel, provider.codec)
    assert provider.connection is not None
    return partial(provider.connection, kernel)


class Negotiation(asyncio.Protocol):
    """The first protocol object of a connection (`tricorn.api.Connection`), until it is known whose it is."""

    __slots__ = ("_kernel", "_providers", "_received", "_transport", "deadline")

    _transport: asyncio.Transport

    def __init__(self, kernel: Kernel, providers: Sequence[HttpProvider]) -> None:
        self._kernel = kernel
        self._providers = providers
        self._received = b""
        self.deadline = 0.0

    # --- asyncio's side --------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection was accepted, and its TLS handshake, if any, is done."""
        self._transport = cast("asyncio.Transport", transport)
        ssl_object = transport.get_extra_info("ssl_object")
        if ssl_object is not None:
            self._hand_over(self._negotiated(ssl_object.selected_alpn_protocol()))
            return
        kernel = self._kernel
        self.deadline = kernel.due(kernel.timeout_head)
        kernel.add(self)

    def data_received(self, data: bytes) -> None:
        """The first bytes: enough of them to tell the prefaces apart, or all that there are of one."""
        self._received = received = self._received + data
        for provider in self._providers:
            preface = provider.preface
            if preface is not None and received.startswith(preface[: len(received)]):
                if len(received) < len(preface):
                    return
                break
        else:
            if b"\r\nupgrade:" in received.lower() and self._upgrade():
                return
            provider = self._default
        self._kernel.remove(self)
        self._hand_over(provider)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client left before it was known what it speaks."""
        self._kernel.remove(self)

    # --- the choice ------------------------------------------------------------------------------------------------

    def _negotiated(self, name: str | None) -> HttpProvider:
        for provider in self._providers:
            if name in provider.alpn:
                return provider
        return self._default

    @property
    def _default(self) -> HttpProvider:
        return next((p for p in self._providers if "http/1.1" in p.alpn), self._providers[0])

    def _upgrade(self) -> bool:
        """Whether a plugin takes the upgrade that the first request asks for, and the connection with it."""
        upgrades = [provider.upgrade for provider in self._providers if provider.upgrade is not None]
        request = _first_request(self._kernel, self._received) if upgrades else None
        if request is None:
            return False
        head, end = request
        for upgrade in upgrades:
            protocol = upgrade(self._kernel, head)
            if protocol is not None:
                self._received = self._received[end:]
                self._kernel.remove(self)
                self._give(protocol)
                return True
        return False

    def _hand_over(self, provider: HttpProvider) -> None:
        self._give(_factory(self._kernel, provider)())

    def _give(self, protocol: asyncio.Protocol) -> None:
        """Let another protocol object take the connection, with what has been read of it."""
        transport = self._transport
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        received, self._received = self._received, b""
        if received:
            protocol.data_received(received)

    # --- the kernel's side -----------------------------------------------------------------------------------------

    def expire(self) -> None:
        """Nothing has come, or too little to tell."""
        self._transport.close()

    def drain(self) -> None:
        """The server is shutting down (`tricorn.api.Connection`): a request may be on its way."""
        self.deadline = self._kernel.due(FIRST_REQUEST_TIME)

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()


def _first_request(kernel: Kernel, received: bytes) -> tuple[Head, int] | None:
    """The request that the bytes begin with, and where it ends; None unless it is whole, legal and without a body. What
    it is otherwise is for HTTP/1 to say."""
    end = received.find(b"\r\n\r\n") + 4
    if end == 3:
        return None
    lines = received[:end].split(b"\r\n")
    try:
        kernel.check_head(received[:end], len(lines))
        check_controls(received[:end], len(lines) - 1)
        method, target, minor, headers = read_strict(lines)
        length, *_ = examine(minor, headers, dict(headers))
        if not minor or length:
            return None
        return Head(method_name(method), target, "1.1", headers, complete=True), end
    except Refusal:
        return None
