"""A whole kernel without sockets, for checks: real plugins, real machines, connections in memory, a clock to move."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from tricorn.api import ASGIApp, HttpProvider, WsProvider
from tricorn.config import Config
from tricorn.kernel import TICK, Kernel
from tricorn.registry import Registry
from tricorn.runner import run_in_loop
from tricorn.testing.memory import MemoryLoop, MemoryTransport

__all__ = ["DEADLINE", "MemoryServer", "memory_server", "run_in_memory"]

DEADLINE = 30.0
"""Real seconds after which a check that waits for an event is cancelled and fails; all of them take a moment."""

_registry: list[Registry] = []


class MemoryServer:
    """A running kernel.

    transports: every connection made. access: the access records. log: the records of `tricorn.error`.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.transports: list[MemoryTransport] = []
        self.access: list[tuple[str, str, str, str, int]] = []
        self.log: list[logging.LogRecord] = []

    def connect(
        self, on_data: Callable[[bytes], None], on_end: Callable[[bool], None], **addresses: Any
    ) -> MemoryTransport:
        """A new connection (`MemoryTransport`), accepted by the kernel."""
        transport = MemoryTransport(on_data, on_end, **addresses)
        self.transports.append(transport)
        transport.connect(self.kernel.protocol())
        return transport

    async def advance(self, seconds: float) -> None:
        """Let so much time pass, and every deadline that is due by then, and what follows from it, happen.

        A deadline may be noticed one sweep late, and is counted from the sweep before.
        """
        loop = asyncio.get_running_loop()
        assert isinstance(loop, MemoryLoop)
        loop.advance(seconds + 3 * TICK)
        await self.settle()

    async def settle(self, turns: int = 10) -> None:
        """Let the loop turn a few times, so that what is ready happens."""
        for _ in range(turns):
            await asyncio.sleep(0)


@asynccontextmanager
async def memory_server(
    app: ASGIApp, *http: HttpProvider, ws: WsProvider | None = None, state: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[MemoryServer]:
    """Serve an application in memory; at the end everything is cut, and what went wrong unseen is raised.

    options: as for `tricorn.Config`; `http` names the plugin where its own options matter.
    """
    config = _config(app, {"http": list(http), "ws": ws, **options})
    kernel = Kernel(app, config, http=http, ws=ws, state=state or {})
    server = MemoryServer(kernel)
    kernel.access = kernel.access_refused = lambda *record: server.access.append(record)
    unseen: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unseen.append(context))
    logger = logging.getLogger("tricorn.error")
    handler = _Collector(server.log)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    kernel.start()
    try:
        yield server
    finally:
        kernel.abort()
        kernel.cancel("the check is over")
        await server.settle()
        kernel.stop()
        logger.removeHandler(handler)
        logger.propagate = propagate
    for context in unseen:
        raise AssertionError(f"an error nobody handled: {context['message']}") from context.get("exception")


def _config(app: ASGIApp, options: dict[str, Any]) -> Config:
    if not _registry:
        _registry.append(Registry())
    try:
        config = Config(app, log_config=None, registry=_registry[0], **options)
        config.load()
    except SystemExit as error:
        # It would end the loop of the check, and leave behind what runs there.
        raise RuntimeError("a server with these options cannot start; the log says why") from error
    return config


class _Collector(logging.Handler):
    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__()
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)


def run_in_memory(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a check in a loop whose clock it may move. Raises TimeoutError for one that waits in vain."""
    run_in_loop(lambda: _within_deadline(coroutine), MemoryLoop)


async def _within_deadline(coroutine: Coroutine[Any, Any, None]) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, MemoryLoop)
    check = loop.create_task(coroutine)
    end = loop.real_time() + DEADLINE
    # The clock of the loop may be moved meanwhile; this deadline is a real one.
    while not check.done() and (left := end - loop.real_time()) > 0:
        await asyncio.wait((check,), timeout=left)
    if not check.done():
        check.cancel()
        await asyncio.wait((check,))
        raise TimeoutError(f"what the check waits for did not happen within {DEADLINE:.0f} s")
    check.result()
