"""A supervisor: one process that serves, started again when it ends without having been told to."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import socket
from typing import Any

from tricorn.api import SupervisorProvider, hookimpl

tricorn_api = 1

CANNOT_START = 3
"""The status with which a server ends that another start would not help."""

LOOK = 0.2
"""Seconds between two looks at the process, and at whether a signal has come."""

log = logging.getLogger("tricorn.error")


class ExampleSupervisor:
    """Holds the sockets, and keeps a process serving them until a signal tells it to stop."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.told = False
        self.sockets: list[socket.socket] = []

    def run(self) -> int:
        """The exit status of the program."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.stop)
        self.sockets = self.server.config.bind_sockets()
        for sock in self.sockets:
            sock.listen(self.server.config.backlog)
            log.info("Listening on %s.", sock.getsockname())
        try:
            while not self.told:
                status = self.serve()
                if status == CANNOT_START:
                    return status
        finally:
            for sock in self.sockets:
                sock.close()
        return 0

    def stop(self, number: int, frame: Any) -> None:
        """A signal has come."""
        self.told = True

    def serve(self) -> int | None:
        """Start the process and wait until it ends, or has to; its status."""
        process = multiprocessing.get_context("spawn").Process(target=serve, args=(self.server, self.sockets))
        process.start()
        while process.is_alive() and not self.told:
            process.join(LOOK)
        if self.told:
            process.terminate()
            process.join()
        else:
            log.warning("Process [%d] ended with status %s.", process.pid, process.exitcode)
        return process.exitcode


def serve(server: Any, sockets: list[socket.socket]) -> None:
    """What the process does. Its interpreter is a new one, in which nothing has been set up."""
    server.config.configure_logging()
    server.run(sockets)


@hookimpl
def tricorn_supervisor() -> SupervisorProvider:
    """What stands around the server."""
    return SupervisorProvider(lambda server: ExampleSupervisor(server).run())
