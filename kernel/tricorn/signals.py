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


def ending_signals() -> tuple[signal.Signals, ...]:
    """Those that end a server: HANDLED_SIGNALS, and SIGHUP (the terminal is gone) where that would kill.

    Where somebody ignores that, as nohup does, or has a handler of his own, it is left alone.
    """
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is None or signal.getsignal(hangup) is not signal.SIG_DFL:
        return HANDLED_SIGNALS
    return (*HANDLED_SIGNALS, hangup)


@contextlib.contextmanager
def captured(handler: Callable[[int, FrameType | None], None], caught: list[int]) -> Generator[None, None, None]:
    """Let `handler` take the signals meanwhile; afterwards put the old handlers back and raise those in `caught`.

    Handlers belong to the main thread; in another one nothing is touched.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in ending_signals()}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
    for again in reversed(caught):
        signal.raise_signal(again)


class Ended(SystemExit):
    """A signal ends the process, in the midst of whatever it is doing: not what that is to be blamed for."""


class _Terminated(BaseException):
    """A signal arrived that ends the process."""

    def __init__(self, number: int) -> None:
        self.number = number


@contextlib.contextmanager
def interruptible() -> Generator[None, None, None]:
    """Let SIGTERM and SIGHUP unwind what runs meanwhile, as Ctrl-C does, before they end the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def unwind(number: int, frame: FrameType | None) -> None:
        raise _Terminated(number)

    before = {number: signal.signal(number, unwind) for number in ending_signals() if number != signal.SIGINT}
    arrived = None
    try:
        yield
    except _Terminated as terminated:
        arrived = terminated.number
    finally:
        for number, old in before.items():
            signal.signal(number, old)
    if arrived is not None:
        signal.raise_signal(arrived)
