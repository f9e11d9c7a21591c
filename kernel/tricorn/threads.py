"""A server in a thread of its own, for notebooks, tests and programs whose main thread is busy."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tricorn.config import Config
from tricorn.server import Server


class ThreadedServer(Server):
    """A server that tells other threads when it has started, or has ended without."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.settled = threading.Event()
        self.failure: BaseException | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self.settled.set()

    def run_and_tell(self) -> None:
        """Run to the end; what the thread does."""
        try:
            self.run()
        except BaseException as error:
            self.failure = error
        finally:
            self.settled.set()


@contextmanager
def serve_in_thread(app: Any, **options: Any) -> Iterator[Server]:
    """Serve an application meanwhile; `server.url` is where.

    options: as for `Config`; the port is a free one unless it is given. Signals are not touched. Raises RuntimeError
    when the server cannot start (the reason has been logged).
    """
    try:
        server = ThreadedServer(Config(app, **{"port": 0, **options}))
    except SystemExit as error:
        raise RuntimeError("The server could not start; the log says why.") from error
    thread = threading.Thread(target=server.run_and_tell, name="tricorn", daemon=True)
    thread.start()
    server.settled.wait()
    if not server.started:
        thread.join()
        raise RuntimeError("The server could not start; the log says why.") from server.failure
    try:
        yield server
    finally:
        server.should_exit = True
        thread.join()
