"""Whether a process that says nothing is at work, as far as the system tells: Linux does, by its process files."""

from __future__ import annotations

_WORKING = ("R", "D")
"""The states of a process that would go on if it could: it runs or waits for a processor, or for a disk."""


class Vitals:
    """The processor time of one process, between two looks at it."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._ticks = -1

    def at_work(self) -> bool:
        """Whether it has done anything since the last look; False for the first one and where nothing can be seen."""
        try:
            with open(f"/proc/{self._pid}/stat", encoding="ascii", errors="replace") as file:
                # The name stands in parentheses and may hold anything; the state comes behind the last of them.
                state, *fields = file.read().rpartition(") ")[2].split()
        except OSError:
            return False
        before, self._ticks = self._ticks, int(fields[10]) + int(fields[11])
        return before >= 0 and (self._ticks > before or state in _WORKING)
