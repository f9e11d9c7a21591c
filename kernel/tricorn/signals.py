"""Signals that end a server: handled while it runs, raised again when it has ended."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Generator
from types import FrameType

HANDLED_SIGNALS: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM)
if sys.platform == "win32":
    HANDLED_SIGNALS += (signal.SIGBREAK,)


@contextlib.contextmanager
def captured(handler: Callable[[int, FrameType | None], None], caught: list[int]) -> Generator[None, None, None]:
    """Let `handler` take the signals meanwhile; afterwards put the old handlers back and raise those in `caught`.

    Handlers belong to the main thread; in another one nothing is touched.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in HANDLED_SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
    for again in reversed(caught):
        signal.raise_signal(again)


class _Terminated(BaseException):
    """SIGTERM arrived."""


@contextlib.contextmanager
def interruptible() -> Generator[None, None, None]:
    """Let SIGTERM unwind what runs meanwhile, as Ctrl-C does, before it ends the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def unwind(number: int, frame: FrameType | None) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, unwind)
    terminated = False
    try:
        yield
    except _Terminated:
        terminated = True
    finally:
        signal.signal(signal.SIGTERM, before)
    if terminated:
        signal.raise_signal(signal.SIGTERM)
