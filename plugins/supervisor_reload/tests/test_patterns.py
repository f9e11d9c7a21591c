"""Which files count for a reload."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tricorn_supervisor_reload.patterns import FileFilter


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # Hidden directories above the watched one must not matter.
    root = tmp_path / ".hidden" / "project"
    for directory in ("app/templates", "data", "venv/lib", ".git", "node_modules/x", "__pycache__"):
        (root / directory).mkdir(parents=True)
    (root / "venv/pyvenv.cfg").touch()
    monkeypatch.chdir(root)
    return root


def chosen(*paths: str, **options: list[str]) -> list[str]:
    """Those of the paths, relative to the current directory, whose change counts."""
    config: Any = SimpleNamespace(
        **{"reload_dirs": [], "reload_includes": [], "reload_excludes": [], **options},
    )
    accepts = FileFilter(config)
    return [path for path in paths if accepts(Path.cwd() / path)]


def test_python_files_count_by_default(project: Path) -> None:
    paths = ("main.py", "app/views.py", "notes.txt", "app/views.pyc", "~main.py", ".main.py", ".sw.py")
    assert chosen(*paths) == ["main.py", "app/views.py"]


@pytest.mark.parametrize(
    "path", [".git/hook.py", "venv/lib/six.py", "node_modules/x/gyp.py", "__pycache__/x.py", "a/site-packages/six.py"]
)
def test_what_nobody_edits_is_left_out(project: Path, path: str) -> None:
    assert chosen(path, reload_includes=["*"]) == []


def test_what_git_ignores_is_left_out_unless_it_is_included(project: Path) -> None:
    (project / ".gitignore").write_text("gen_*.py\n/data/\n!gen_kept.py\n")
    (project / "app/.gitignore").write_text("local.py\n")
    paths = ("gen_a.py", "app/gen_b.py", "gen_kept.py", "data/a.py", "app/data/a.py", "app/local.py", "local.py")
    assert chosen(*paths) == ["gen_kept.py", "app/data/a.py", "local.py"]
    assert chosen("gen_a.py", reload_includes=["gen_a.py"]) == ["gen_a.py"]


def test_the_repository_around_a_watched_directory_says_what_is_ignored(project: Path) -> None:
    (project / ".gitignore").write_text("local.py\ndata/\n")
    assert chosen("app/local.py", "app/b.py", reload_dirs=["app"]) == ["app/b.py"]
    # Whoever watches what is ignored means it.
    assert chosen("data/a.py", reload_dirs=["data"]) == ["data/a.py"]


def test_an_included_pattern_adds_to_the_default(project: Path) -> None:
    assert chosen("main.py", "a.html", "b.css", reload_includes=["*.html"]) == ["main.py", "a.html"]


def test_an_included_name_beats_the_default_exclusion(project: Path) -> None:
    assert chosen(".env", ".other", reload_includes=[".env"]) == [".env"]


@pytest.mark.parametrize("pattern", ["data", "data/", "data/*", "./data"])
def test_an_excluded_directory_keeps_out_all_that_lies_in_it(project: Path, pattern: str) -> None:
    assert chosen("data/a.py", "app/b.py", reload_excludes=[pattern]) == ["app/b.py"]


def test_a_directory_is_excluded_with_everything_below(project: Path) -> None:
    assert chosen("app/templates/deep/a.py", "main.py", reload_excludes=["app/templates"]) == ["main.py"]
    assert chosen("x/generated/deep/a.py", "main.py", reload_excludes=["generated"]) == ["main.py"]


def test_an_excluded_pattern_beats_an_included_one(project: Path) -> None:
    options = {"reload_includes": ["*.html"], "reload_excludes": ["test_*"]}
    assert chosen("test_a.py", "test_b.html", "c.html", **options) == ["c.html"]


def test_excluding_the_default_pattern_switches_it_off(project: Path) -> None:
    assert chosen("main.py", "a.html", reload_includes=["*.html"], reload_excludes=["*.py"]) == ["a.html"]


def test_only_the_given_directories_are_watched(project: Path) -> None:
    assert chosen("app/a.py", "data/b.py", reload_dirs=["app"]) == ["app/a.py"]


def test_an_included_directory_is_watched_too_and_nested_ones_once(project: Path) -> None:
    config: Any = SimpleNamespace(reload_dirs=["app"], reload_includes=["app/templates", "data"], reload_excludes=[])
    assert FileFilter(config).directories == [project / "app", project / "data"]


def test_a_given_directory_that_is_excluded_is_not_watched(project: Path) -> None:
    config: Any = SimpleNamespace(reload_dirs=["app", "data"], reload_includes=[], reload_excludes=["data"])
    assert FileFilter(config).directories == [project / "app"]
