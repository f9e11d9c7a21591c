"""The plugin `asyncio`: the event loop of the standard library."""

from __future__ import annotations

import asyncio

from tricorn.api import LoopProvider, hookimpl

tricorn_api = 1


def new_event_loop() -> asyncio.AbstractEventLoop:
    """A selector loop; on Windows too, because the proactor loop ties sockets to one process."""
    return asyncio.SelectorEventLoop()


@hookimpl
def tricorn_loop() -> LoopProvider:
    """The plugin `asyncio`."""
    return LoopProvider(new_event_loop)
