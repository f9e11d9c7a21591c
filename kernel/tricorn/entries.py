"""What is installed: one scan of the entry points of every distribution, without importing any plugin."""

from __future__ import annotations

import importlib.metadata
import os
import re
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import tricorn

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
    "command": "tricorn_command",
    "terminal": "tricorn_terminal",
}
"""The kinds of which every plugin gives one provider, and the hook that gives it."""

KINDS = (*HOOKS, "plugin", "bundle")


@dataclass(eq=False)
class Entry:
    """One entry point: `name` in the group `tricorn.<kind>`, naming the module `value`.

    dist: the distribution's metadata, None where there is none.
    """

    kind: str
    name: str
    value: str
    dist: Any

    @cached_property
    def facts(self) -> tuple[str, str]:
        """Name and version of the distribution.

        Read with a pattern, because the metadata's own parser imports the email package: milliseconds at start-up.
        """
        if self.dist is None:
            package = self.value.partition(".")[0]
            return "tricorn-kernel" if package == "tricorn" else package.replace("_", "-"), tricorn.__version__
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
        return f"{called(self.kind, self.name)} of {self.distribution} {self.version}"


def called(kind: str, name: str) -> str:
    """What messages call a plugin."""
    return f"{kind} {name!r}" if kind in ("plugin", "bundle") else f"{kind} plugin {name!r}"


def scan() -> dict[str, list[Entry]]:
    """All entries by kind, sorted by name. A distribution that is found twice on the path counts once, the first.

    Looking for our groups in the text first spares the parsing of all others, which is most of the work. A frozen
    program may have no metadata at all: there the plugins that are published with the kernel are found by their names.
    """
    found: dict[str, list[Entry]] = {kind: [] for kind in KINDS}
    seen: set[str] = set()
    # What does not exist, as Python's own archive mostly, would be taken for an archive and load what reads archives.
    places = [place for place in sys.path if os.path.exists(place or os.curdir)]
    for dist in importlib.metadata.distributions(path=places):
        if f"[{PREFIX}" not in (dist.read_text("entry_points.txt") or ""):
            continue
        entries = [
            Entry(point.group.removeprefix(PREFIX), point.name, point.value, dist)
            for point in dist.entry_points
            if point.group.removeprefix(PREFIX) in found and point.group.startswith(PREFIX)
        ]
        name = re.sub(r"[-_.]+", "-", Entry("", "", "", dist).distribution).lower()
        if name not in seen:
            seen.add(name)
            for entry in entries:
                found[entry.kind].append(entry)
    if getattr(sys, "frozen", False) and not any(found.values()):
        from tricorn.freezing import plugins

        for kind, name, module in plugins():
            found[kind].append(Entry(kind, name, module, None))
    for known in found.values():
        known.sort(key=lambda entry: entry.name)
    return found
