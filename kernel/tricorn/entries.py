"""What is installed: one scan of the entry points of every distribution, without importing any plugin."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import importlib_metadata

PREFIX = "tricorn."

HOOKS = {
    "loop": "tricorn_loop",
    "http": "tricorn_http",
    "ws": "tricorn_ws",
    "lifespan": "tricorn_lifespan",
    "logging": "tricorn_logging",
    "interface": "tricorn_interface",
    "listener": "tricorn_listener",
    "supervisor": "tricorn_supervisor",
}
"""The kinds of which every plugin gives one provider, and the hook that gives it."""

KINDS = (*HOOKS, "plugin", "bundle")


@dataclass(frozen=True)
class Entry:
    """One entry point: `name` in the group `tricorn.<kind>`, naming the module `value`."""

    kind: str
    name: str
    value: str
    dist: Any

    @cached_property
    def facts(self) -> tuple[str, str]:
        """Name and version of the distribution.

        Read with a pattern, because the metadata's own parser imports the email package: milliseconds at start-up.
        """
        text = self.dist.read_text("METADATA") or self.dist.read_text("PKG-INFO") or ""
        name = re.search(r"^Name: *(\S+)", text, re.MULTILINE)
        version = re.search(r"^Version: *(\S+)", text, re.MULTILINE)
        return name[1] if name else "unknown distribution", version[1] if version else "?"

    @property
    def distribution(self) -> str:
        """The name of the distribution that installed the plugin."""
        return self.facts[0]

    @property
    def version(self) -> str:
        """The version of that distribution."""
        return self.facts[1]

    def __str__(self) -> str:
        return f"{self.kind} plugin {self.name!r} of {self.distribution} {self.version}"


def scan() -> dict[str, list[Entry]]:
    """All entries by kind, sorted by name. A distribution that is found twice on the path counts once."""
    found: dict[str, list[Entry]] = {kind: [] for kind in KINDS}
    for point in importlib_metadata.entry_points():
        if point.group.startswith(PREFIX) and point.group.removeprefix(PREFIX) in found:
            kind = point.group.removeprefix(PREFIX)
            found[kind].append(Entry(kind, point.name, point.value, point.dist))
    for entries in found.values():
        entries.sort(key=lambda entry: entry.name)
    return found
