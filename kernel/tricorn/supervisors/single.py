"""The plugin `single`: one process, which serves itself."""

from __future__ import annotations

from typing import Any

from tricorn.api import SupervisorProvider, hookimpl
from tricorn.signals import interruptible

tricorn_api = 1


def run(server: Any) -> int:
    """Serve until told to stop.

    The address is taken before the application is imported, so that a port in use is told at once; the application
    is imported before the loop exists, because some start one of their own while they are imported.
    """
    with interruptible():
        server.prepare()
    server.run()
    return 0


@hookimpl
def tricorn_supervisor() -> SupervisorProvider:
    """The plugin `single`."""
    return SupervisorProvider(run)
