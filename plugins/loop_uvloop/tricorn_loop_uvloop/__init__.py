"""The uvloop event loop (libuv), for the tricorn server: the same interface as asyncio's loop, with less Python."""

from __future__ import annotations

import asyncio

from tricorn.api import LoopProvider, Unavailable, hookimpl

try:
    import uvloop
except ImportError as error:  # Windows, PyPy, or a Python that uvloop has no wheel for yet
    raise Unavailable(f"uvloop cannot be imported: {error}") from None

from tricorn_loop_uvloop.batches import listen

tricorn_api = 1


def new_event_loop() -> asyncio.AbstractEventLoop:
    """A loop of its own for each server."""
    return uvloop.new_event_loop()


@hookimpl
def tricorn_loop() -> LoopProvider:
    """The plugin `uvloop`."""
    return LoopProvider(new_event_loop, listen)
