"""Keys that are pressed in the terminal of a server under development."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

try:
    import termios
    import tty
except ImportError:  # no POSIX terminals here
    termios = None  # type: ignore[assignment]

HELP = "Keys: r restart, o open in the browser, u address, l log all or less, c clear, q quit, h help."

CLEAR = "\033[2J\033[3J\033[H"
"""Empties the terminal, what has been scrolled away included."""


class Keys:
    """The terminal's keys, one at a time and without Enter, while there is a terminal and nobody else reads it."""

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self._before: list[Any] = []

    @contextlib.contextmanager
    def read(self) -> Iterator[None]:
        """Read keys meanwhile, where the standard input is a terminal and this process is in its foreground."""
        self._take()
        try:
            yield
        finally:
            self.release()

    def _take(self) -> None:
        stream = sys.stdin
        if termios is None or stream is None or not stream.isatty():
            return
        descriptor = stream.fileno()
        try:
            foreground = os.tcgetpgrp(descriptor)
        except OSError:
            return  # somebody else's terminal
        # A process in the background that touches its terminal is stopped by the system.
        if foreground == os.getpgrp():
            self._descriptor = descriptor
            self._before = termios.tcgetattr(descriptor)
            tty.setcbreak(descriptor)

    def release(self) -> None:
        """Give the terminal back as it was."""
        if self._descriptor is not None:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)
            self._descriptor = None

    def filenos(self) -> list[int]:
        """What to wait on: readable when a key has been pressed; empty where keys are not read."""
        return [] if self._descriptor is None else [self._descriptor]

    def pressed(self, ready: list[Any]) -> str:
        """The keys, if the descriptor is among those that are ready. The end of the input ends the reading."""
        if self._descriptor is None or self._descriptor not in ready:
            return ""
        keys = os.read(self._descriptor, 64).decode("ascii", "ignore")
        if not keys:
            self.release()
        return keys
