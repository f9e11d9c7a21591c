"""What the tests of the whole make once in a run, however many processes of pytest-xdist take part in it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from tests.environment import Once, run
from tests.parts import ROOT


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Have a folder made by whichever process needs it first: `once("wheels", build)` calls `build` with its path."""
    common = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        common = common.parent  # of the folders that the processes have for themselves

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder, whole = common / name, common / f"{name}.whole"
        with FileLock(common / f"{name}.lock"):
            if not whole.exists():
                make(folder)
                whole.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def release(once: Once) -> Path:
    """A release: the wheel and the source distribution of every part."""
    script = ROOT / "scripts" / "build_release.py"
    return once("release", lambda folder: run(sys.executable, script, folder, "--no-isolation"))
