"""`tricorn check-migration [FILE...]`: what in a project is uvicorn's, and what of that tricorn does not have.

Nothing of the project is run or imported. What tricorn has is not listed anywhere: it is looked up in tricorn itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

from tricorn.migration.commands import in_text
from tricorn.migration.findings import Finding
from tricorn.migration.python import in_python
from tricorn.registry import Registry

TEXTS = (
    "Dockerfile*", "*.dockerfile", "Procfile", "Makefile", "justfile", "*.sh", "*.service", "*.yml", "*.yaml", "*.toml",
    "*.cfg", "*.ini",
)  # fmt: skip
"""Files besides Python's in which a command may stand."""

SKIPPED = ("node_modules", "site-packages", "__pycache__")


def check_migration_command(arguments: Sequence[str], registry: Registry) -> click.Command:
    """The command: exits with 1 when something has no counterpart."""

    def check(files: tuple[str, ...]) -> None:
        missing = 0
        for path in paths(map(Path, files or (".",))):
            for finding in findings(path, registry):
                missing += finding.missing
                click.echo(f"{path}:{finding.line}: {finding.text}")
        click.echo(f"{missing or 'Nothing'} without a counterpart in tricorn.")
        sys.exit(1 if missing else 0)

    command = click.Command("check-migration", callback=check)
    command.help = (
        "Say what of uvicorn the FILEs use (of directories all in them; by default of this one), what becomes of it, "
        "and what tricorn does not have."
    )
    command.params = [click.Argument(["files"], nargs=-1, type=click.Path(exists=True), metavar="[FILE]...")]
    return command


def paths(given: Iterable[Path]) -> Iterator[Path]:
    """The files to look at: those that were given, and in directories those that may use a server."""
    for path in given:
        if not path.is_dir():
            yield path
            continue
        for place, directories, names in os.walk(path):
            here = Path(place)
            directories[:] = sorted(name for name in directories if not _skips(here / name))
            for name in sorted(names):
                if name.endswith(".py") or any(Path(name).match(pattern) for pattern in TEXTS):
                    yield here / name


def _skips(directory: Path) -> bool:
    hidden = directory.name.startswith(".") and directory.name not in (".github", ".devcontainer")
    return hidden or directory.name in SKIPPED or (directory / "pyvenv.cfg").exists()


def findings(path: Path, registry: Registry) -> list[Finding]:
    """What a file has of uvicorn, in the order of its lines."""
    text = path.read_text(errors="replace")
    if "uvicorn" not in text:
        return []
    look = in_python if path.suffix == ".py" else in_text
    return sorted(set(look(text, registry)))
