"""HTTP/1 by the kernel's own connection, compiled: the same sources, the same behaviour, fewer instructions."""

from __future__ import annotations

import asyncio
import inspect
import sys
from typing import cast

from tricorn import __version__
from tricorn.api import Headers, Http1Codec, HttpProvider, Kernel, Refusal, Unavailable, hookimpl

try:
    from tricorn_http_compiled import machine
except ImportError as error:  # no compiler where it was built, or another Python than it was built for
    raise Unavailable(f"its module was not compiled for this Python: {error}") from None
if __version__ != machine.KERNEL:
    raise Unavailable(f"it was compiled from the kernel {machine.KERNEL}, and this is {__version__}")

tricorn_api = 1

# Whoever asks is to find that `send` makes coroutines, for what it returns is as good as one.
if sys.version_info >= (3, 12):
    inspect.markcoroutinefunction(machine.Exchange.send)
elif sys.version_info >= (3, 11):
    vars(machine.Exchange.send)["_is_coroutine"] = vars(asyncio.coroutines)["_is_coroutine"]


class StrictCodec:
    """An `Http1Codec`: the kernel's strict grammar, compiled."""

    __slots__ = ()

    def read_head(self, head: bytes) -> tuple[bytes, bytes, Headers]:
        """Split one complete head (`tricorn.api.Http1Codec`)."""
        try:
            method, target, _, headers = machine.read_strict(head.split(b"\r\n"))
        except Refusal as refusal:
            raise ValueError(str(refusal)) from None
        return method, target, headers


_: type[Http1Codec] = StrictCodec


def connection(kernel: Kernel) -> asyncio.Protocol:
    """The protocol object of a connection, which has all methods of `asyncio.Protocol` without being one: an extension
    type cannot inherit from it."""
    # Kept by the kernel, so that it lives as long.
    shared = vars(kernel).get(__name__) or vars(kernel).setdefault(__name__, machine.Shared(kernel))
    return cast("asyncio.Protocol", machine.Http1Connection(shared, StrictCodec))


@hookimpl
def tricorn_http() -> HttpProvider:
    """The compiled connection."""
    return HttpProvider(connection=connection)
