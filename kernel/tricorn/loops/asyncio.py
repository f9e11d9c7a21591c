"""uvicorn's module of this name."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable

from tricorn.loops import new_event_loop


def asyncio_loop_factory(use_subprocess: bool = False) -> Callable[[], AbstractEventLoop]:
    """What makes asyncio's own loop."""
    return new_event_loop
