"""What is installed: one scan of the entry points of every distribution, without importing any plugin."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.machinery import PathFinder
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


@dataclass(eq=False, repr=False)
class Entry:
    """One entry point: `name` in the group `tricorn.<kind>`, naming the module `value`.

    dist: reads the files of the distribution's metadata, None where there are none.
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

    A frozen program may have no metadata at all: there the plugins that are published with the kernel are found by
    their names.
    """
    entries: list[Entry] = []
    for dist in _distributions():
        text = dist.read_text("entry_points.txt")
        if text and f"[{PREFIX}" in text:
            entries += _parse(text, dist)
    if len({(entry.kind, entry.name) for entry in entries}) < len(entries):
        entries = _first_of_each(entries)
    if getattr(sys, "frozen", False) and not entries:
        from tricorn.freezing import plugins

        entries = [Entry(kind, name, module, None) for kind, name, module in plugins()]
    found: dict[str, list[Entry]] = {kind: [] for kind in KINDS}
    for entry in sorted(entries, key=lambda entry: entry.name):
        found[entry.kind].append(entry)
    return found


class _Folder:
    """The metadata of a distribution, where it is a folder (PyPA's specification "Recording installed projects")."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def read_text(self, name: str) -> str | None:
        """A file's text, or None where it is not there or cannot be read."""
        try:
            with open(os.path.join(self._path, name), encoding="utf-8") as file:
                return file.read()
        except OSError:
            return None


def _distributions() -> Iterator[Any]:
    """What reads the metadata of each distribution, in the order of the path.

    Nearly always that is a folder in a folder. For all else there is `importlib.metadata`, whose import alone is a
    tenth of what a server takes to start.
    """
    # What does not exist, as Python's own archive mostly, would be taken for an archive.
    places = [place or os.curdir for place in sys.path if os.path.exists(place or os.curdir)]
    finders = [finder for finder in sys.meta_path if hasattr(finder, "find_distributions")]
    if finders != [PathFinder] or not all(map(os.path.isdir, places)):
        import importlib.metadata

        yield from importlib.metadata.distributions(path=places)
        return
    for place in places:
        try:
            names = os.listdir(place)
        except OSError:
            continue  # nobody could import from there either
        for name in names:
            if name.endswith((".dist-info", ".egg-info")) or name == "EGG-INFO":
                yield _Folder(os.path.join(place, name))


def _parse(text: str, dist: Any) -> Iterator[Entry]:
    """The entries in our groups. The metadata's own parser takes as long as all the rest of a scan."""
    kind = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            group = line.strip("[] \t")
            kind = group.removeprefix(PREFIX) if group.startswith(PREFIX) else ""
        elif kind in KINDS and not line.startswith(("#", ";")):
            name, equals, value = line.partition("=")
            if equals:
                yield Entry(kind, name.strip(), value.strip(), dist)


def _first_of_each(entries: Sequence[Entry]) -> list[Entry]:
    """The entries without those of distributions that a place before on the path has as well."""
    first: dict[str, Any] = {}
    return [
        entry
        for entry in entries
        if first.setdefault(re.sub(r"[-_.]+", "-", entry.distribution).lower(), entry.dist) is entry.dist
    ]
