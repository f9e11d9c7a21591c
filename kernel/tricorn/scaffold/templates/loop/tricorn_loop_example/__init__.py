"""An event loop: asyncio's own, to be replaced by another."""

from __future__ import annotations

import asyncio

from tricorn.api import LoopProvider, hookimpl

# Where the loop needs a library that is not everywhere, import it here and raise `tricorn.api.Unavailable` with one
# line that says why it cannot be had: `auto` then moves on to the next loop.

tricorn_api = 1


def new_event_loop() -> asyncio.AbstractEventLoop:
    """A loop of its own for each server."""
    return asyncio.SelectorEventLoop()


@hookimpl
def tricorn_loop() -> LoopProvider:
    """The loop, for servers that make their own."""
    return LoopProvider(new_event_loop)
