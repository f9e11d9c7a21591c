"""Restarts the serving process when files change, for the tricorn server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tricorn.api import Option, SupervisorProvider, hookimpl
from tricorn_supervisor_reload.patterns import FileFilter
from tricorn_supervisor_reload.supervisor import BaseReload
from tricorn_supervisor_reload.watching import ChangeReload, StatReload, WatchFilesReload

__all__ = [
    "BaseReload",
    "ChangeReload",
    "FileFilter",
    "StatReload",
    "WatchFilesReload",
    "run",
    "tricorn_api",
    "tricorn_options",
    "tricorn_supervisor",
]

tricorn_api = 1


def run(server: Any) -> int:
    """Take the address, then keep one process serving it that is replaced when files change; the exit status."""
    return ChangeReload(server.config, server.run).run()


@hookimpl
def tricorn_supervisor() -> SupervisorProvider:
    """The plugin `reload`."""
    return SupervisorProvider(run)


@hookimpl
def tricorn_options() -> Sequence[Option]:
    """What `tricorn dev` switches on. The keys are an option, because whoever is watched by another program may have a
    terminal all the same; the port is one, because a program may wait for the server where it was told to be."""
    return [
        Option("reload_keys", "Take keys from the terminal (h shows which).", bool, False, switch="single"),
        Option("reload_next_port", "Take the next free port where --port is taken.", bool, False, switch="single"),
    ]
