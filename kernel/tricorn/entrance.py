"""How many connections may be open: those above the limit are told so and closed, before they cost anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from tricorn.api import Refusal
from tricorn.responses import refusal_response

if TYPE_CHECKING:
    from tricorn.kernel import Kernel

__all__ = ["Entrance"]

LINGER_TIME = 1.0
"""Seconds that a client who is turned away gets to read why."""

QUIET = 10.0
"""Seconds between two lines that say so."""

_FULL = Refusal(503, "over the limit of connections", [(b"retry-after", b"1")])


class Entrance:
    """Makes the protocol objects of new connections, for `loop.create_server`.

    factory: what makes those of the connections that are let in.
    """

    def __init__(self, kernel: Kernel, limit: int, factory: Callable[[], asyncio.Protocol]) -> None:
        self.kernel = kernel
        self.limit = limit
        self.factory = factory
        self._told = -QUIET

    def __call__(self) -> asyncio.Protocol:
        """The first protocol object of a connection."""
        return _Arrival(self)

    def tell(self, peer: str) -> None:
        """Log that somebody was turned away."""
        kernel = self.kernel
        if kernel.access_refused is not None:
            kernel.access_refused(peer, "-", "-", "1.1", 503)
        if kernel.clock - self._told >= QUIET:
            self._told = kernel.clock
            kernel.log.warning("Exceeded the limit of %d connections.", self.limit)


class _Arrival(asyncio.Protocol):
    """Lets a connection in, or turns it away."""

    __slots__ = ("_entrance", "_timer")

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection was accepted."""
        entrance = self._entrance
        if len(entrance.kernel.connections) < entrance.limit:
            protocol = entrance.factory()
            transport.set_protocol(protocol)
            protocol.connection_made(transport)
        else:
            self._turn_away(cast("asyncio.Transport", transport))

    def data_received(self, data: bytes) -> None:
        """The request of a client that is turned away: read, because closing over it would reset the connection."""

    def connection_lost(self, exc: Exception | None) -> None:
        """A client that was turned away has gone."""
        if self._timer is not None:
            self._timer.cancel()

    def _turn_away(self, transport: asyncio.Transport) -> None:
        kernel = self._entrance.kernel
        self._entrance.tell(kernel.addresses(transport)[2])
        ssl_object = transport.get_extra_info("ssl_object")
        if ssl_object is not None and ssl_object.selected_alpn_protocol() not in (None, "http/1.1"):
            transport.close()
            return
        transport.write(refusal_response(_FULL, kernel.default_fields))
        if transport.can_write_eof():
            transport.write_eof()
            self._timer = kernel.loop.call_later(LINGER_TIME, transport.abort)
        else:
            transport.close()
