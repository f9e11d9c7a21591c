"""A rolling restart: each worker in turn gets a successor, and is told to end when that accepts connections.

At any moment as many workers serve as before. The first successor that fails ends the restart, and what serves goes on
serving: a broken release never takes a working one down.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable

from tricorn.supervisors.process import Process, reason

logger = logging.getLogger("tricorn.error")


class RollingRestart:
    """The workers that are to be replaced, and the successor of the first of them once it has been started.

    start: starts a process. replace: called with an old worker and its successor, which is ready.
    """

    def __init__(self, start: Callable[[], Process], replace: Callable[[Process, Process], None]) -> None:
        self.successor: Process | None = None
        self._start = start
        self._replace = replace
        self._queue: deque[Process] = deque()
        self._due = 0.0

    def begin(self, processes: Iterable[Process]) -> None:
        """Replace these, after those that are waiting already."""
        self._queue.extend(process for process in processes if process not in self._queue)

    def advance(self, serving: Iterable[Process], timeout: float) -> None:
        """Take the next step, if one is due. serving: the workers that still hold a slot: another one has been
        replaced already. timeout: seconds that a successor gets to become ready."""
        successor = self.successor
        if successor is not None and successor.ready:
            self.successor = None
            self._replace(self._queue.popleft(), successor)
        elif successor is not None and time.monotonic() > self._due:
            successor.kill()
            successor.join()
            successor.close()
            self._abort(successor, "was not ready in time")
        while self.successor is None and self._queue:
            if self._queue[0] in serving:
                self.successor = self._start()
                self._due = time.monotonic() + timeout
            else:
                self._queue.popleft()

    def failed(self, successor: Process) -> None:
        """The successor has ended instead of becoming ready."""
        self._abort(successor, f"ended before it was ready ({reason(successor.exitcode)})")

    def _abort(self, successor: Process, why: str) -> None:
        self.successor = None
        old = self._queue[0].pid
        self._queue.clear()
        logger.error(
            "New child process [%d] %s; keeping worker [%d] and aborting the restart.", successor.pid, why, old
        )
