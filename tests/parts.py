"""The distributions of this repository, as their own pyproject.toml describes them."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Part:
    """One folder with a pyproject.toml: the bundle, the kernel or a plugin."""

    folder: Path

    @cached_property
    def project(self) -> dict[str, Any]:
        return tomllib.loads((self.folder / "pyproject.toml").read_text())

    @property
    def name(self) -> str:
        return str(self.project["project"]["name"])

    @property
    def version(self) -> str:
        return str(self.project["project"]["version"])

    @property
    def requires(self) -> list[str]:
        """The requirements, those of the extras included."""
        project = self.project["project"]
        extras = project.get("optional-dependencies", {}).values()
        return [*project.get("dependencies", []), *(text for extra in extras for text in extra)]

    @property
    def libraries(self) -> set[str]:
        """The names of the required distributions, less those of this repository."""
        names = {re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0].lower() for text in self.requires}
        return {name for name in names if not name.startswith("tricorn")}

    @property
    def entries(self) -> dict[str, dict[str, str]]:
        """The entry points in tricorn's groups: names and modules, by kind."""
        groups = self.project["project"].get("entry-points", {})
        return {group.removeprefix("tricorn."): points for group, points in groups.items() if "tricorn." in group}

    @property
    def kind(self) -> str:
        """What the folder of a plugin says its kind is."""
        return self.folder.name.partition("_")[0]

    @property
    def plugin(self) -> str:
        """What the folder of a plugin says its name is."""
        return self.folder.name.partition("_")[2]

    @property
    def package(self) -> Path:
        """The package of a plugin, or of the kernel."""
        return self.folder / ("tricorn" if self.folder.name == "kernel" else f"tricorn_{self.folder.name}")

    def modules(self) -> list[Path]:
        """The modules of the package, without the templates of new plugins."""
        return sorted(path for path in self.package.rglob("*.py") if "templates" not in path.parts)


BUNDLE = Part(ROOT)
KERNEL = Part(ROOT / "kernel")
PLUGINS = tuple(Part(path.parent) for path in sorted(ROOT.glob("plugins/*/pyproject.toml")))
