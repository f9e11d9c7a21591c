"""uvicorn's module of this name."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable

from tricorn.registry import UVICORN_NAMES, Registry


def uvloop_loop_factory(use_subprocess: bool = False) -> Callable[[], AbstractEventLoop]:
    """What makes uvloop's loop. Raises PluginError where its plugin is missing."""
    factory: Callable[[], AbstractEventLoop] = Registry().named(*UVICORN_NAMES["uvloop_loop_factory"]).provider.factory
    return factory
