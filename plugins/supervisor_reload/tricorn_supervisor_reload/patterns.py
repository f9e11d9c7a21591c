"""Which files count: the directories to watch, and the patterns of names in them.

A file counts when it lies in a watched directory, matches an included pattern and no excluded one. Patterns are those
of `pathlib` and match from the right. An excluded pattern also excludes all that lies in a directory which matches it:
`--reload-exclude data` keeps everything in every directory `data` out. What git ignores counts only where a pattern of
`--reload-include` matches it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tricorn_supervisor_reload.gitignore import GitIgnore

INCLUDED = ("*.py",)
EXCLUDED = (".*", ".py[cod]", ".sw.*", "~*")
EXCLUDED_DIRECTORIES = ("__pycache__", "node_modules", "site-packages")
"""Full of files that no one edits; some of them are written by what runs there, which would restart it for ever."""


class FileFilter:
    """The configuration's choice of files.

    directories: absolute, those that are watched. Called with a path it says whether its change counts.
    """

    def __init__(self, config: Any) -> None:
        includes, directories = _split(config.reload_includes)
        self.includes = [*(p for p in INCLUDED if p not in config.reload_excludes), *includes]
        self.wanted = includes
        self.excludes, self.excluded = _split(config.reload_excludes)
        self.usual = [p for p in EXCLUDED if p not in config.reload_includes]
        asked = [Path(directory).resolve() for directory in config.reload_dirs] or [Path.cwd()]
        self.directories = [d for d in _outermost([*asked, *directories]) if not self._lies_in_excluded(d)]
        self._git = {directory: GitIgnore(directory) for directory in self.directories}

    def __call__(self, path: Path) -> bool:
        """Whether a change of this file (an absolute path) counts."""
        root = next((d for d in self.directories if d in path.parents), None)
        if root is None or not any(path.match(pattern) for pattern in self.includes):
            return False
        if any(path.match(pattern) for pattern in self.excludes) or self._lies_in_excluded(path):
            return False
        usual = any(path.match(p) for p in self.usual) or self._git[root].ignores(path)
        if usual and not any(path.match(p) for p in self.wanted):
            return False
        return not any(self.skips(directory) for directory in path.parents if root in directory.parents)

    def skips(self, directory: Path) -> bool:
        """Whether nothing in this directory, which is not a watched one itself, counts."""
        patterns = (*self.usual, *EXCLUDED_DIRECTORIES, *self.excludes)
        return (
            any(directory.match(pattern) for pattern in patterns)
            or directory in self.excluded
            or (directory / "pyvenv.cfg").exists()
        )

    def _lies_in_excluded(self, path: Path) -> bool:
        return any(directory == path or directory in path.parents for directory in self.excluded)


def _split(patterns: Iterable[str]) -> tuple[list[str], list[Path]]:
    """Patterns, apart from what names an existing directory."""
    names = [pattern.rstrip("/") or "/" for pattern in patterns]
    return [n for n in names if not Path(n).is_dir()], [Path(n).resolve() for n in names if Path(n).is_dir()]


def _outermost(directories: Iterable[Path]) -> list[Path]:
    """Each once, without those inside another one."""
    found = sorted(set(directories))
    return [d for d in found if not any(other in d.parents for other in found)]
