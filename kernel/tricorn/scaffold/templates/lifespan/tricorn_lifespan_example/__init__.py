"""A lifespan: the application hears of the server's start and end, each of them once."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from tricorn.api import Lifespan, LifespanProvider, hookimpl

tricorn_api = 1

log = logging.getLogger("tricorn.error")


class ExampleLifespan:
    """One run of the protocol. The application is called in a task of its own and answers each event in turn."""

    def __init__(self, config: Any) -> None:
        if not config.loaded:
            config.load()
        self.state: dict[str, Any] = {}
        self.should_exit = False
        self._app = config.loaded_app
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._call: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Call the application and wait for its answer to the start."""
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        self._call = asyncio.create_task(self._app(scope, self._events.get, self._answers.put))
        await self._tell(self._call, "startup")

    async def shutdown(self) -> None:
        """Wait for the application's answer to the end, unless it has returned before."""
        if self._call is not None and not self._call.done():
            await self._tell(self._call, "shutdown")
            await asyncio.wait([self._call])

    async def _tell(self, call: asyncio.Task[None], phase: str) -> None:
        self._events.put_nowait({"type": f"lifespan.{phase}"})
        answer = asyncio.create_task(self._answers.get())
        await asyncio.wait([answer, call], return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            answer.cancel()
            self.should_exit = True
            log.error("The application left the lifespan protocol at %s.", phase, exc_info=call.exception())
        elif answer.result()["type"] != f"lifespan.{phase}.complete":
            self.should_exit = True
            log.error("The application's %s failed: %s", phase, answer.result().get("message", ""))


_: type[Lifespan] = ExampleLifespan


@hookimpl
def tricorn_lifespan() -> LifespanProvider:
    """The lifespan of a server."""
    return LifespanProvider(ExampleLifespan)
