"""The plugin `on`: the lifespan protocol, which the application must know.

States of one lifespan, moved by what the application does: `startup()` calls the application and waits until it sends
`lifespan.startup.complete` or `.failed`, returns or raises; `shutdown()` likewise with the shutdown events. Once the
application has returned or raised nothing is waited for any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from tricorn.api import LifespanProvider, Message, hookimpl

tricorn_api = 1

EVENTS = frozenset(
    f"lifespan.{phase}.{result}" for phase in ("startup", "shutdown") for result in ("complete", "failed")
)


class LifespanOn:
    """One run of the protocol (https://asgi.readthedocs.io/en/latest/specs/lifespan.html); usable without a server.

    state: what the application puts there is copied into every scope. should_exit: starting up or shutting down
    failed; what happened has been logged.
    """

    optional = False

    def __init__(self, config: Any) -> None:
        if not config.loaded:
            config.load()
        self.config = config
        self.optional = self.optional or config.lifespan == "auto"
        self.logger = logging.getLogger("tricorn.error")
        self.startup_event = asyncio.Event()
        self.shutdown_event = asyncio.Event()
        self.receive_queue: asyncio.Queue[Message] = asyncio.Queue()
        self.error_occurred = False
        self.startup_failed = False
        self.shutdown_failed = False
        self.should_exit = False
        self.state: dict[str, Any] = {}
        self._received = False
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Run the application's start-up. When this is cancelled, so is the application."""
        self.logger.info("Waiting for application startup.")
        self._task = asyncio.get_running_loop().create_task(self.main())
        self.receive_queue.put_nowait({"type": "lifespan.startup"})
        try:
            await self.startup_event.wait()
        except asyncio.CancelledError:
            await self._cancel()
            raise
        if self.startup_failed:
            self.logger.error("Application startup failed. Exiting.")
            self.should_exit = True
        else:
            self.logger.info("Application startup complete.")

    async def shutdown(self) -> None:
        """Run the application's shutdown, unless it has left the protocol before."""
        if self.error_occurred or self._task is None:
            return
        self.logger.info("Waiting for application shutdown.")
        self.receive_queue.put_nowait({"type": "lifespan.shutdown"})
        try:
            await self.shutdown_event.wait()
        except asyncio.CancelledError:
            await self._cancel()
            raise
        if self.shutdown_failed:
            self.logger.error("Application shutdown failed. Exiting.")
            self.should_exit = True
        else:
            self.logger.info("Application shutdown complete.")

    async def main(self) -> None:
        """Call the application; the task in which its start-up and shutdown run."""
        scope = {
            "type": "lifespan",
            "asgi": {"version": self.config.asgi_version, "spec_version": "2.0"},
            "state": self.state,
        }
        try:
            await self.config.loaded_app(scope, self.receive, self.send)
        except asyncio.CancelledError:
            self.error_occurred = True
            raise
        except BaseException as error:
            self.error_occurred = True
            self._raised(error)
        finally:
            self.startup_event.set()
            self.shutdown_event.set()

    def _raised(self, error: BaseException) -> None:
        if self.startup_failed or self.shutdown_failed:
            return  # it has said so itself
        if self.optional and isinstance(error, Exception) and not self._received and not self.startup_event.is_set():
            self.logger.info("ASGI 'lifespan' protocol appears unsupported.")
            return
        self.logger.error("Exception in 'lifespan' protocol\n", exc_info=error)
        if self.startup_event.is_set():
            self.shutdown_failed = True
        else:
            self.startup_failed = True

    async def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def send(self, message: Message) -> None:
        """Take an event from the application. Raises RuntimeError for one that is unknown or out of order."""
        event = message["type"]
        if event not in EVENTS:
            raise RuntimeError(f"Unexpected ASGI message {event!r} on the lifespan protocol.")
        starting = event.startswith("lifespan.startup")
        if self.startup_event.is_set() == starting or self.shutdown_event.is_set():
            raise RuntimeError(f"ASGI message {event!r} came out of order on the lifespan protocol.")
        failed = event.endswith(".failed")
        if failed and message.get("message"):
            self.logger.error(message["message"])
        if starting:
            self.startup_failed = failed
            self.startup_event.set()
        else:
            self.shutdown_failed = failed
            self.shutdown_event.set()

    async def receive(self) -> Message:
        """The next event for the application."""
        self._received = True
        return await self.receive_queue.get()


@hookimpl
def tricorn_lifespan() -> LifespanProvider:
    """The plugin `on`."""
    return LifespanProvider(LifespanOn)
