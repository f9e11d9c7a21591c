"""What .gitignore files keep out of a repository: written by programs, and so by nobody who waits for a restart."""

from __future__ import annotations

from pathlib import Path

from pathspec import GitIgnoreSpec


class GitIgnore:
    """The .gitignore files that count for a directory: its own, those below it, and those above up to its repository's.

    Each is read once. A directory that is ignored itself, and watched all the same, has every file in it count.
    """

    def __init__(self, root: Path) -> None:
        repositories = (directory for directory in (root, *root.parents) if (directory / ".git").exists())
        self._top = next(repositories, root)
        self._specs: dict[Path, GitIgnoreSpec | None] = {}
        self._directories: dict[Path, bool] = {self._top: False}
        self._off = self.ignores(root, directory=True)

    def ignores(self, path: Path, *, directory: bool = False) -> bool:
        """Whether git would leave out a path below the directory."""
        if directory:
            if path not in self._directories:
                self._directories[path] = self._decide(path, directory=True)
            return self._directories[path]
        return not self._off and self._decide(path, directory=False)

    def _decide(self, path: Path, *, directory: bool) -> bool:
        if self.ignores(path.parent, directory=True):
            return True
        here = path.parent
        while True:
            spec = self._spec(here)
            if spec is not None:
                name = path.relative_to(here).as_posix() + "/" * directory
                included = spec.check_file(name).include
                if included is not None:
                    return included
            if here == self._top:
                return False
            here = here.parent

    def _spec(self, directory: Path) -> GitIgnoreSpec | None:
        if directory not in self._specs:
            try:
                text = (directory / ".gitignore").read_text(encoding="utf-8", errors="replace")
            except OSError:
                text = ""  # there mostly is none
            self._specs[directory] = GitIgnoreSpec.from_lines(text.splitlines()) if text else None
        return self._specs[directory]
