"""A server for tests: in the loop of the test, on a free port, ready when the block begins, gone when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tricorn.config import Config
from tricorn.server import Server
from tricorn.waiting import TICK


@asynccontextmanager
async def serve(app: Any, **options: Any) -> AsyncIterator[str]:
    """Serve an application; the value is the URL of its root, without a slash at the end.

    options: as for `Config`. By default the loggers are left alone, requests that still run at the end get five
    seconds, and streams are told at once. Raises RuntimeError when the server cannot start (the log says why).
    """
    options = {"port": 0, "log_config": None, "timeout_graceful_shutdown": 5, **options}
    options.setdefault("timeout_graceful_streams", TICK)
    try:
        config = Config(app, **options)
        server = Server(config)
        server.prepare()
        await server.startup()
    except SystemExit as error:
        raise RuntimeError("The server could not start; the log says why.") from error
    serving = asyncio.ensure_future(server.main_loop())
    try:
        yield server.url
    finally:
        server.should_exit = True
        try:
            await serving
        finally:
            await server.shutdown()
