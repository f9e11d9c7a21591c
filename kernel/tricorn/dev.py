"""`tricorn dev [APP]`: the server as one wants it while writing the application.

It is the ordinary command with other defaults: reload, the keys of the terminal, the next port where one is taken, and
the message about a blocked event loop where that plugin is installed. Every option of the ordinary command may be
given, and has the last word.
"""

from __future__ import annotations

from collections.abc import Sequence

from tricorn.catalogue import installing
from tricorn.registry import PluginError, Registry

RELOAD = "reload"
"""The supervisor that restarts on changes and reads the keys."""

HELPFUL = ("blocked",)
"""Side plugins that are switched on where they are installed."""


def dev_arguments(arguments: Sequence[str], registry: Registry) -> list[str]:
    """The arguments of the ordinary command. Raises PluginError where the supervisor is not installed."""
    if RELOAD not in registry.names("supervisor"):
        raise PluginError(f"tricorn dev needs the supervisor plugin {RELOAD!r}: {installing('supervisor', RELOAD)}.")
    given = ["--reload", "--supervisor", RELOAD, "--reload-keys", "--reload-next-port"]
    for name in HELPFUL:
        if name in registry.names("plugin"):
            given += ["--plugin", name]
    return [*given, *arguments]
