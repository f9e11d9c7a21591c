"""Without its module, as where there was no C compiler, the plugin is unavailable and the server works."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

REASON = "it was installed without a C compiler, or for another Python: install it again where there is one"


@pytest.fixture(autouse=True)
def no_module(run: object, tmp_path: Path) -> None:
    """Take the module away, if there is one."""
    for path in (tmp_path / "tricorn_http_compiled").glob("machine.*.*"):
        path.unlink()


def test_auto_takes_the_next_and_the_list_says_why(chosen: Callable[[], tuple[list[str], str]]) -> None:
    assert chosen() == (["httptools"], f"unavailable: {REASON}")


def test_asking_for_it_by_name_ends_with_the_reason(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run("--http", "compiled", "main:app")
    assert done.returncode == 3
    assert f"is unavailable: {REASON}" in done.stderr
    assert "Traceback" not in done.stderr
