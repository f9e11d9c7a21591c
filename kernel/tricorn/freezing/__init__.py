"""What programs that freeze an application with its server into an executable need: a hook for PyInstaller, in this
folder, and the plugins by their names where metadata was left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from tricorn.catalogue import PUBLISHED

OWN: Mapping[str, Mapping[str, str]] = {
    "loop": {"asyncio": "tricorn.loops"},
    "lifespan": {name: f"tricorn.lifespan.{name}" for name in ("auto", "on", "off")},
    "logging": {"text": "tricorn.logging"},
    "interface": {name: f"tricorn.interfaces.{name}" for name in ("asgi3", "asgi2")},
    "listener": {name: f"tricorn.listeners.{name}" for name in ("tcp", "unix", "fd")},
    "supervisor": {"single": "tricorn.supervisors.single"},
}
"""The kernel's plugins, as its entry points name them."""


def hook_dirs() -> list[str]:
    """Where PyInstaller finds the hook."""
    return [str(Path(__file__).parent)]


def plugins() -> Iterator[tuple[str, str, str]]:
    """Kind, name and module of the plugins that are in the executable: the kernel's, and those published with it."""
    for kind, modules in OWN.items():
        yield from ((kind, name, module) for name, module in modules.items())
    for kind, names in PUBLISHED.items():
        for name in names:
            module = f"tricorn_{kind}_{name}".replace("-", "_")
            if find_spec(module) is not None:
                yield kind, name, module
