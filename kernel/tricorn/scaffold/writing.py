"""A new plugin from the template of its kind: a whole plugin named "example", copied under another name.

The templates are working distributions, which is how they are tested; nothing in them is filled in but the name.
"""

from __future__ import annotations

import re
from pathlib import Path

TEMPLATES = Path(__file__).with_name("templates")

KINDS = (
    "http", "ws", "loop", "lifespan", "logging", "interface", "listener", "supervisor", "command", "plugin",
)  # fmt: skip
"""The kinds that have a template."""

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


class NameTaken(Exception):
    """There is something at the place that would be written to: one line for the user."""


def check_name(name: str) -> str:
    """The name, with underscores for dashes. Raises ValueError for one that could not name a package."""
    found = name.replace("-", "_")
    if not _NAME.fullmatch(found):
        raise ValueError(
            f"{name!r} is no name for a plugin: lower-case letters, digits and underscores, a letter first"
        )
    return found


def rename(text: str, kind: str, name: str) -> str:
    """The text of a template with "example" replaced, in each of the forms that a name has."""
    dashed = name.replace("_", "-")
    for before, after in (
        (f"tricorn-{kind}-example", f"tricorn-{kind}-{dashed}"),
        ("--example-", f"--{dashed}-"),
        ("x-example", f"x-{dashed}"),
        ("EXAMPLE", name.upper()),
        ("Example", "".join(part.capitalize() for part in name.split("_"))),
        ("example", name),
    ):
        text = text.replace(before, after)
    return text


def write_plugin(kind: str, name: str, parent: Path) -> Path:
    """Write the distribution `tricorn-<kind>-<name>` below a folder; returns its own folder.

    Raises NameTaken when that exists already, and OSError when it cannot be written.
    """
    folder = parent / rename(f"tricorn-{kind}-example", kind, name)
    make_folder(folder)
    _copy(TEMPLATES / kind, folder, kind, name)
    return folder


def make_folder(folder: Path) -> None:
    """Make a folder for a new distribution. Raises NameTaken when there is one."""
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise NameTaken(f"{folder} exists already: choose another name, or another place with --into.") from None


def _copy(source: Path, target: Path, kind: str, name: str) -> None:
    for entry in source.iterdir():
        path = target / rename(entry.name, kind, name)
        if entry.name in ("__pycache__", ".pytest_cache", ".mypy_cache"):
            continue
        if entry.is_dir():
            path.mkdir()
            _copy(entry, path, kind, name)
        else:
            path.write_text(rename(entry.read_text(encoding="utf-8"), kind, name), encoding="utf-8")
