"""HTTP/1 by the kernel's own connection, compiled: the same sources, the same behaviour, fewer instructions."""

from __future__ import annotations

import asyncio
import inspect
import sys
from typing import cast

from tricorn.api import HttpProvider, Kernel, Unavailable, hookimpl

try:
    import tricorn_http_compiled.machine as machine
except ModuleNotFoundError:
    text = "it was installed without a C compiler, or for another Python: install it again where there is one"
    raise Unavailable(text) from None
except ImportError as error:
    raise Unavailable(f"its compiled module cannot be loaded: {error}") from None

tricorn_api = 1

# Whoever asks is to find that `send` makes coroutines, for what it returns is as good as one.
if sys.version_info >= (3, 12):
    inspect.markcoroutinefunction(machine.Exchange.send)
elif sys.version_info >= (3, 11):
    vars(machine.Exchange.send)["_is_coroutine"] = vars(asyncio.coroutines)["_is_coroutine"]


def connection(kernel: Kernel) -> asyncio.Protocol:
    """The protocol object of a connection, which has all methods of `asyncio.Protocol` without being one: an extension
    type cannot inherit from it."""
    # Kept by the kernel, so that it lives as long.
    shared = vars(kernel).get(__name__) or vars(kernel).setdefault(__name__, machine.Shared(kernel))
    return cast("asyncio.Protocol", machine.Http1Connection(shared, None))


@hookimpl
def tricorn_http() -> HttpProvider:
    """The compiled connection."""
    return HttpProvider(connection=connection)
