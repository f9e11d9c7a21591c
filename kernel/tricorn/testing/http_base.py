"""What the suites of HTTP share: a provider of the plugin, served in memory, and a client of its version."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from tricorn.testing.calls import Calls
from tricorn.testing.client import Client
from tricorn.testing.memory_server import memory_server, run_in_memory
from tricorn.testing.suite import Suite

__all__ = ["ServingSuite"]


class ServingSuite(Suite):
    """A suite whose checks serve.

    client: the class of the clients, which a suite for a version of HTTP sets.
    """

    kind = "http"
    client: ClassVar[type[Client]]

    @classmethod
    def applies(cls, provider: Any) -> bool:
        """Not without a client: what a version of HTTP looks like on the wire is for its own suite to say."""
        return hasattr(cls, "client")

    def run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a check in a loop whose clock it may move."""
        run_in_memory(coroutine)

    @asynccontextmanager
    async def serving(self, **options: Any) -> AsyncIterator[tuple[Calls, Client]]:
        """An application to be played by the check, and a connected client. options: as for `tricorn.Config`."""
        calls = Calls()
        async with memory_server(calls.app, self.provider(), http=self.plugin[1], **options) as server:
            yield calls, self.client(server)
