"""The plugin `asyncio`: the event loop of the standard library. uvicorn's loop factories are the modules here."""

from __future__ import annotations

# Not `import asyncio`: once somebody imports `tricorn.loops.asyncio`, that is what the name means in this module.
from asyncio import AbstractEventLoop, SelectorEventLoop

from tricorn.api import LoopProvider, hookimpl

tricorn_api = 1


def new_event_loop() -> AbstractEventLoop:
    """A selector loop; on Windows too, because the proactor loop ties sockets to one process."""
    return SelectorEventLoop()


@hookimpl
def tricorn_loop() -> LoopProvider:
    """The plugin `asyncio`."""
    return LoopProvider(new_event_loop)
