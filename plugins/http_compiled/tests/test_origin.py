"""A module that was compiled from another kernel serves nothing: `auto` takes the next plugin, and says why."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import tricorn
from tricorn.api import Unavailable
from tricorn_http_compiled import origin

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Chosen = Callable[[], tuple[list[str], str]]


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_the_sources_that_it_was_compiled_from_are_taken(chosen: Chosen) -> None:
    assert chosen() == (["compiled"], "first of the kernel's preference")


@pytest.mark.parametrize(
    "name",
    ["tricorn/http1.py", "tricorn/api.py", "tricorn_http_compiled/shared.py", "tricorn_http_compiled/machine.pxd"],
)
def test_a_source_that_has_changed_is_named(chosen: Chosen, tmp_path: Path, name: str) -> None:
    with (tmp_path / name).open("a", encoding="utf-8") as source:
        source.write("# changed\n")
    reason = f"unavailable: {name} has changed since it was compiled: install it again"
    assert chosen() == (["httptools"], reason)


def test_another_version_is_told_before_what_it_lacks(chosen: Chosen, tmp_path: Path) -> None:
    """A module of the kernel that the compiled one imports has gone with the version."""
    change(tmp_path / "tricorn" / "__init__.py", f'__version__ = "{tricorn.__version__}"', '__version__ = "0.0.1"')
    change(tmp_path / "tricorn" / "target.py", "def ", "def another_")
    told = f"it was compiled from the kernel {tricorn.__version__}, and this is 0.0.1: install it again"
    assert chosen() == (["httptools"], f"unavailable: {told}")


def test_it_says_so_where_it_is_asked_for_by_name(run: Run, tmp_path: Path) -> None:
    change(tmp_path / "tricorn" / "turn.py", "from __future__", "# changed\nfrom __future__")
    done = run("--http", "compiled", "main:app")
    assert done.returncode == 3
    assert "is unavailable: tricorn/turn.py has changed since it was compiled: install it again" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is taken for the kernel's."""
    monkeypatch.setattr(tricorn, "__file__", str(tmp_path / "__init__.py"))
    return tmp_path


def test_how_lines_end_is_no_change(sources: Path) -> None:
    (sources / "__init__.py").touch()
    (sources / "one.py").write_bytes(b"a = 1\r\nb = 2\r\n")
    origin.check(tricorn.__version__, {"tricorn/one.py": 0xF01B4FF})
    (sources / "one.py").write_bytes(b"a = 1\nb = 2\n")
    origin.check(tricorn.__version__, {"tricorn/one.py": 0xF01B4FF})


def test_a_source_that_is_gone_has_changed(sources: Path) -> None:
    (sources / "__init__.py").touch()
    with pytest.raises(Unavailable, match="tricorn/one.py has changed"):
        origin.check(tricorn.__version__, {"tricorn/one.py": 0})


def test_without_any_sources_the_version_decides(sources: Path) -> None:
    """As in a program that was frozen."""
    origin.check(tricorn.__version__, {"tricorn/one.py": 0})
    with pytest.raises(Unavailable, match="compiled from the kernel 0.0.1, and this is"):
        origin.check("0.0.1", {})
