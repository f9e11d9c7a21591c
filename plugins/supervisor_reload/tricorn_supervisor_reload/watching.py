"""Two ways of noticing changes: told by the system through watchfiles, and looking at the times of all files."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from tricorn_supervisor_reload.supervisor import BaseReload

try:
    import watchfiles
except ImportError:  # a platform for which there is no wheel
    watchfiles = None  # type: ignore[assignment]

logger = logging.getLogger("tricorn.error")

STEP = 50
"""Milliseconds without a further change after which changes are told."""


class WatchFilesReload(BaseReload):
    """Is told of changes by the system."""

    reloader_name = "WatchFiles"

    def watch(self) -> Iterator[set[Path]]:
        """Changes, as the system tells them."""
        for changes in watchfiles.watch(
            *self.filter.directories,
            watch_filter=lambda change, path: self.filter(Path(path)),
            stop_event=self.should_exit,
            step=STEP,
            ignore_permission_denied=True,
        ):
            yield {Path(path) for _, path in changes}


class StatReload(BaseReload):
    """Looks at the modification times of all files, every `reload_delay` seconds."""

    reloader_name = "StatReload"

    def watch(self) -> Iterator[set[Path]]:
        """Changes, as a comparison with the look before shows them."""
        before = self._times()
        while not self.should_exit.wait(self.config.reload_delay):
            now = self._times()
            changed = {path for path, _ in now.items() ^ before.items()}
            before = now
            if changed:
                yield changed

    def _times(self) -> dict[Path, int]:
        times = {}
        for path in self.iter_py_files():
            try:
                times[path] = path.stat().st_mtime_ns
            except FileNotFoundError:
                continue  # it went away since it was listed
        return times

    def iter_py_files(self) -> Iterator[Path]:
        """The files to look at."""
        for root in self.filter.directories:
            for place, directories, names in os.walk(root):
                here = Path(place)
                directories[:] = [name for name in directories if not self.filter.skips(here / name)]
                yield from (here / name for name in names if self.filter(here / name))


ChangeReload: type[BaseReload] = StatReload if watchfiles is None else WatchFilesReload
