"""What is found in a project, and what tricorn has for a name, an option or the name of a plugin."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

from tricorn.registry import UVICORN_NAMES, PluginError, Registry
from tricorn.shim import MODULES


class Finding(NamedTuple):
    """One place in a file. missing: tricorn has no counterpart for what stands there."""

    line: int
    text: str
    missing: bool


class Missing(Exception):
    """tricorn has not got it: one line that says what, and what there is instead."""


def look_up(path: str) -> Any:
    """What tricorn has under a dotted name of uvicorn's: a module, or what one defines. Raises Missing."""
    parts = path.split(".")[1:]
    at = next(at for at in range(len(parts), -1, -1) if not at or ".".join(parts[:at]) in MODULES)
    name = ".".join(["tricorn", *parts[:at]])
    try:
        found = import_module(name)
        return getattr(found, parts[at]) if at < len(parts) else found
    except ModuleNotFoundError:
        return None  # a library that this part of tricorn needs is not installed here
    except ImportError as error:
        raise Missing(f"{path}: {error}") from None
    except AttributeError:
        raise Missing(f"{path}: tricorn has none.") from None


def check_plugin(registry: Registry, kind: str, name: str) -> None:
    """Raise Missing for a value of an option that selects plugins which nobody here has."""
    if name in ("auto", "none") or ":" in name or UVICORN_NAMES.get(name, ("",))[0] == kind:
        return
    try:
        registry.find(kind, name)
    except PluginError as error:
        raise Missing(str(error)) from None
