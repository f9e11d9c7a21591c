"""Signals for a process that waits on descriptors: noted by a handler, read when there is time for them."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any


class Signals:
    """A queue of the signals that arrived, with a descriptor that is readable when it may not be empty."""

    def __init__(self, names: Iterable[str]) -> None:
        self._numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
        self._arrived: deque[int] = deque()
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def fileno(self) -> int:
        """What to wait on."""
        return self._reader.fileno()

    @contextlib.contextmanager
    def handled(self) -> Iterator[None]:
        """Take the signals meanwhile, then put the old handlers back. Handlers belong to the main thread: in another
        one nothing is touched and no signal arrives."""
        with self._reader, self._writer:
            if threading.current_thread() is not threading.main_thread():
                yield
                return
            before = {number: signal.signal(number, self._note) for number in self._numbers}
            descriptor = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
            try:
                yield
            finally:
                signal.set_wakeup_fd(descriptor)
                for number, handler in before.items():
                    signal.signal(number, handler)

    def _note(self, number: int, frame: Any) -> None:
        self._arrived.append(number)

    def take(self) -> Iterator[str]:
        """The names of the signals that have arrived, in their order."""
        with contextlib.suppress(BlockingIOError):
            while self._reader.recv(512):
                pass
        while self._arrived:
            yield signal.Signals(self._arrived.popleft()).name
