"""Several worker processes that accept from the same sockets, for the tricorn server."""

from __future__ import annotations

from typing import Any

from tricorn.api import SupervisorProvider, Unavailable, hookimpl
from tricorn_supervisor_workers.supervisor import Multiprocess

try:
    import fcntl  # noqa: F401 - there where processes and signals are those of POSIX
except ImportError:
    raise Unavailable("worker processes need a POSIX system") from None

__all__ = ["Multiprocess", "run", "tricorn_api", "tricorn_supervisor"]

tricorn_api = 1


def run(server: Any) -> int:
    """Take the address, then keep `workers` processes serving it until told to stop; the exit status of the program.

    The application is imported in the workers only.
    """
    return Multiprocess(server.config, server.run).run()


@hookimpl
def tricorn_supervisor() -> SupervisorProvider:
    """The plugin `workers`."""
    return SupervisorProvider(run)
