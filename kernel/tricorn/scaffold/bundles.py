"""A bundle: a distribution that requires certain plugins, prefers them and brings a command of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from pprint import pformat

import tricorn
from tricorn.entries import Entry
from tricorn.registry import Registry
from tricorn.scaffold.writing import make_folder

PYPROJECT = """\
[build-system]
requires = ["hatchling>=1.26"]
build-backend = "hatchling.build"

[project]
name = "{dashed}"
version = "0.1.0"
description = "The tricorn server with the plugins of {dashed}"
readme = "README.md"
requires-python = ">=3.10"
# Exactly what was installed where this was written; raise the versions together.
dependencies = [
{requires}
]

[project.scripts]
{dashed} = "{name}:main"

[project.entry-points."tricorn.bundle"]
{name} = "{name}"

[tool.hatch.build.targets.wheel]
packages = ["{name}"]
"""

MODULE = '''\
"""The tricorn server with a set of plugins of its own."""

from __future__ import annotations

from tricorn.api import hookimpl

tricorn_api = 1


@hookimpl
def tricorn_defaults() -> dict[str, list[str]]:
    """The plugins of this bundle: what is used where nobody chooses, best first, and the side plugins that are on."""
    return {defaults}


def main() -> None:
    """The command `{dashed}`."""
    from tricorn.cli import main

    main(prog_name="{dashed}")
'''

README = """\
# {dashed}

The tricorn server with a set of plugins of its own:

{plugins}

Installing it installs them, and the command serves with them unless an option says otherwise:

    pip install .
    {dashed} main:app
    {dashed} plugins
"""


def find(registry: Registry, chosen: Mapping[str, Sequence[str]]) -> list[Entry]:
    """The entries of the chosen plugins. Raises PluginError for one that is not installed, or is claimed twice."""
    return [registry.find(kind, name) for kind, names in chosen.items() for name in names]


def write_bundle(name: str, entries: Sequence[Entry], parent: Path) -> Path:
    """Write the distribution of a bundle below a folder; returns its own folder.

    Raises NameTaken when that exists already, and OSError when it cannot be written.
    """
    dashed = name.replace("_", "-")
    folder = parent / dashed
    make_folder(folder)
    versions = {"tricorn-kernel": tricorn.__version__}
    defaults: dict[str, list[str]] = {}
    for entry in entries:
        versions[entry.distribution] = entry.version
        defaults.setdefault(entry.kind, []).append(entry.name)
    requires = "\n".join(f'    "{distribution}=={version}",' for distribution, version in sorted(versions.items()))
    plugins = "\n".join(f"- {entry}" for entry in entries)
    shown = pformat(defaults, width=112, sort_dicts=False).replace("'", '"').replace("\n", "\n    ")
    (folder / name).mkdir()
    (folder / name / "py.typed").touch()
    for path, text in (("pyproject.toml", PYPROJECT), ("README.md", README), (f"{name}/__init__.py", MODULE)):
        text = text.replace("{requires}", requires).replace("{plugins}", plugins).replace("{defaults}", shown)
        (folder / path).write_text(text.replace("{dashed}", dashed).replace("{name}", name), encoding="utf-8")
    return folder
