"""What can stand around the serving process, and uvicorn's classes for it, which the plugins have."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PLUGINS = {
    "BaseReload": "reload",
    "ChangeReload": "reload",
    "FileFilter": "reload",
    "StatReload": "reload",
    "WatchFilesReload": "reload",
    "Multiprocess": "workers",
}


def __getattr__(name: str) -> Any:
    """The class from the plugin that has it. Where that is missing, making an instance says what to install: programs
    import these names whether or not they use them."""
    if name == "Process":
        from tricorn.supervisors.process import Process

        return Process
    if name not in _PLUGINS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tricorn.entries import scan

    plugin = _PLUGINS[name]
    for entry in scan()["supervisor"]:
        if entry.name == plugin:
            return getattr(import_module(entry.value), name)

    def missing(self: Any, *args: Any, **kwargs: Any) -> None:
        raise ImportError(
            f"{name} is part of the supervisor plugin {plugin!r}: pip install tricorn-supervisor-{plugin}."
        )

    return type(name, (), {"__init__": missing, "__doc__": f"Not installed: the supervisor plugin {plugin!r}."})
