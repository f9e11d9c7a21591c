"""The plugin as it is installed, and copies of it beside which something has changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from tests.compiler import COMPILED

# Without a C compiler there is nothing to test but that.
collect_ignore = [] if COMPILED else ["test_compiled.py", "test_conformance.py", "test_origin.py", "test_sending.py"]

DEADLINE = 60.0
Run = Callable[..., "subprocess.CompletedProcess[str]"]
Chosen = Callable[[], tuple[list[str], str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs tricorn with copies of the plugin and the kernel, in `tmp_path`, in front of those that are installed."""
    for package in ("tricorn", "tricorn_http_compiled"):
        spec = find_spec(package)
        assert spec is not None
        copytree(Path(str(spec.origin)).parent, tmp_path / package, ignore=ignore_patterns("__pycache__"))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tricorn", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )

    return run


@pytest.fixture
def chosen(run: Run) -> Chosen:
    """Which HTTP plugins `tricorn plugins` says are used, and what it says of the compiled one."""

    def chosen() -> tuple[list[str], str]:
        done = run("plugins", "--json")
        assert done.returncode == 0, done.stderr
        rows = {row["name"]: row for row in json.loads(done.stdout) if row["kind"] == "http"}
        return [name for name, row in rows.items() if row["selected"]], rows["compiled"]["reason"]

    return chosen
