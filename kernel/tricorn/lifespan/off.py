"""The plugin `off`: the application hears nothing of the server's start and end."""

from __future__ import annotations

from typing import Any

from tricorn.api import LifespanProvider, hookimpl

tricorn_api = 1


class LifespanOff:
    """A lifespan in which nothing happens."""

    def __init__(self, config: Any) -> None:
        self.should_exit = False
        self.state: dict[str, Any] = {}

    async def startup(self) -> None:
        """Nothing to start."""

    async def shutdown(self) -> None:
        """Nothing to shut down."""


@hookimpl
def tricorn_lifespan() -> LifespanProvider:
    """The plugin `off`."""
    return LifespanProvider(LifespanOff)
