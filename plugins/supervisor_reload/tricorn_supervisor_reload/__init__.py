"""Restarts the serving process when files change, for the tricorn server."""

from __future__ import annotations

from typing import Any

from tricorn.api import SupervisorProvider, hookimpl
from tricorn_supervisor_reload.supervisor import BaseReload
from tricorn_supervisor_reload.watching import ChangeReload, StatReload

__all__ = ["BaseReload", "ChangeReload", "StatReload", "run", "tricorn_api", "tricorn_supervisor"]

tricorn_api = 1


def run(server: Any) -> int:
    """Take the address, then keep one process serving it that is replaced when files change; the exit status."""
    return ChangeReload(server.config, server.run).run()


@hookimpl
def tricorn_supervisor() -> SupervisorProvider:
    """The plugin `reload`."""
    return SupervisorProvider(run)
