"""uvicorn's module of this name."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable

from tricorn.loops import new_event_loop
from tricorn.registry import Registry


def auto_loop_factory(use_subprocess: bool = False) -> Callable[[], AbstractEventLoop]:
    """What makes the loop that `--loop auto` takes."""
    found = Registry().auto("loop")
    return new_event_loop if found is None else found.provider.factory
