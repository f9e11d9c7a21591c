"""Fresh virtual environments for what has to be seen installed: wheels built here, nothing from any index."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.parts import KERNEL

DEADLINE = 600.0
"""Seconds after which a build or an installation is taken for hung: one of the parts is compiled."""

Once = Callable[[str, Callable[[Path], object]], Path]
"""The fixture `once`: makes a folder, of a name, unless another process of this run has."""


def run(*command: str | Path, directory: Path | None = None) -> str:
    """The standard output of a program that must succeed; what it said elsewhere is part of the failure."""
    done = subprocess.run(
        list(map(str, command)),
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


def build_wheel(folder: Path, out: Path) -> None:
    """Build the wheel of a distribution with the backend of this environment."""
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out, directory=folder)


class Environment:
    """A virtual environment that has been created. wheels: the folder of those that were built for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
        self.wheels = folder / "wheels"

    @classmethod
    def create(cls, folder: Path, libraries: Iterable[str] = ()) -> Environment:
        """Create one with what the kernel requires, and `libraries`; the rest is installed from wheels."""
        venv.create(folder, symlinks=os.name != "nt")
        created = cls(folder)
        site = run(created.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
        for name in _closure({*KERNEL.libraries, *libraries}):
            _copy(name, Path(site.strip()))
            created._write_commands(name)
        return created

    def install(self, *folders: Path) -> None:
        """Build the wheels of distributions and install them; their requirements have to be there."""
        for folder in folders:
            build_wheel(folder, self.wheels)
        self.install_wheels(*self.wheels.glob("*.whl"))

    def install_wheels(self, *wheels: Path) -> None:
        """Install wheels, without an index and without looking for what they require."""
        options = ["--quiet", "--no-index", "--no-deps", "--no-compile", "--disable-pip-version-check"]
        run(sys.executable, "-m", "pip", "--python", self.python, "install", *options, *wheels)

    def program(self, name: str) -> Path:
        """A console command."""
        return self.python.with_name(name + self.python.suffix)

    def _write_commands(self, name: str) -> None:
        """Write the console commands of a copied distribution, as an installation would."""
        for entry in importlib.metadata.distribution(name).entry_points.select(group="console_scripts"):
            program = self.program(entry.name)
            text = f"#!{self.python}\nimport sys\nfrom {entry.module} import {entry.attr}\nsys.exit({entry.attr}())\n"
            program.write_text(text)
            program.chmod(0o755)


def _closure(names: Iterable[str]) -> set[str]:
    """Distributions of this environment and all that they require here."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for text in importlib.metadata.requires(name) or ():
            requirement, _, marker = text.partition(";")
            required = requirement.split("[")[0].strip().split(" ")[0].rstrip("<>=!~0123456789.,")
            if "extra" not in marker and installed(required):
                waiting.append(required)
    return found


def installed(name: str) -> bool:
    """Whether this environment has a distribution."""
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _copy(name: str, site: Path) -> None:
    """Copy an installed distribution, file by file, as its own record lists them."""
    for file in importlib.metadata.files(name) or ():
        if file.parts[0] != ".." and "__pycache__" not in file.parts:
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file.locate(), site / file)
