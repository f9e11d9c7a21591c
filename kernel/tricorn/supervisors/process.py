"""A serving process and the pipe between it and its parent: what the supervisors are built from.

The process is spawned, not forked. It starts from a clean interpreter whatever threads, loops and libraries live in
the parent, on every platform alike; a fork would save nothing, because the parent never imports the application.

Messages through the pipe are tuples, the first element says which:

    parent -> process   ("ping",)
    process -> parent   ("ready",)            connections are accepted
                        ("leaving",)          no more connections are accepted: the process is about to end
                        ("pong", lag, place)  lag: seconds since the event loop last turned; place: where it is, or None
                        ("debugging",)        a debugger is about to read the terminal

The end of the pipe tells the process that its parent is gone, however that came about.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any, cast

from tricorn.explaining import explain
from tricorn.signals import Ended
from tricorn.stacks import place_of
from tricorn.supervisors.vitals import Vitals

__all__ = ["Process", "nested", "reason"]

Target = Callable[[list[socket.socket] | None], Any]

STOPPING = (signal.SIGINT, signal.SIGTERM)

PING_INTERVAL = 0.5
"""Seconds between an answer and the next question."""

TURN = 0.2
STARTING_TURN = 0.01
"""Seconds between two looks of a process at its own server; the parent has to know soon that it has started."""

LAG = 1.0
"""Seconds without a turn of the event loop from which on it is worth saying where it is."""

ORPHAN_TIME = 10.0
"""Seconds that a process whose parent is gone gets to finish its requests, unless a limit is configured."""

logger = logging.getLogger("tricorn.error")

_spawn = multiprocessing.get_context("spawn")


# --- the parent's side --------------------------------------------------------------------------------------------


class Process:
    """A spawned process that serves, as its parent sees it.

    target: called in the process with the sockets, by default `Server(config).run`; it has to be picklable. Sockets may
    also stand in its place, as in newer uvicorn.
    console: the process may read the terminal (a debugger in the application).

    ready: it accepts connections. leaving: it has stopped accepting, of its own accord. lag, place: as its last answer
    told. asked: when it was pinged and has not answered yet, 0 otherwise. answered: when it last did, 0 before. born:
    when it became ready, 0 before.
    vitals: whether it works while it does not answer. stuck: for its parent to note what it has said about that.
    debugging: a debugger in it reads the terminal.
    """

    def __init__(
        self,
        config: Any,
        target: Target | Sequence[socket.socket] | None = None,
        sockets: Sequence[socket.socket] | None = None,
        *,
        console: bool = False,
    ) -> None:
        if sockets is None:
            sockets, target = cast("Sequence[socket.socket]", target), None
        if target is None:
            from tricorn.server import Server

            target = Server(config).run
        self.config = config
        self.ready = False
        self.leaving = False
        self.lag = 0.0
        self.place: str | None = None
        self.asked = 0.0
        self.answered = 0.0
        self.born = 0.0
        self.stuck = False
        self.debugging = False
        self.connection, self._remote = _spawn.Pipe()
        self._process = _spawn.Process(
            target=_serve, args=(config, target, list(sockets), self._remote, console), daemon=False
        )

    def start(self) -> None:
        """Start it. Signals that end a process are held back from it until it can take them without a traceback."""
        resource_tracker.ensure_running()
        with _held_back():
            self._process.start()
        self._remote.close()
        self.vitals = Vitals(self.pid)

    @property
    def pid(self) -> int:
        """The process id, once started."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def exitcode(self) -> int | None:
        """The exit status, minus the number of the signal that killed it, or None while it runs."""
        return self._process.exitcode

    @property
    def sentinel(self) -> int:
        """A descriptor that becomes readable when the process has ended."""
        return self._process.sentinel

    def is_alive(self, timeout: float = 5) -> bool:
        """Whether it runs. timeout: uvicorn's, of a question that need not be asked here."""
        return self._process.is_alive()

    def ping(self) -> None:
        """Ask for a sign of life, unless it has just given one or has not answered the last question."""
        now = time.monotonic()
        if not self.asked and now - self.answered >= PING_INTERVAL:
            with contextlib.suppress(OSError):  # it has just ended: its sentinel says so
                self.connection.send(("ping",))
            self.asked = now
            self.vitals.at_work()  # from here on it counts

    def listen(self) -> None:
        """Take in what the process has told."""
        with contextlib.suppress(EOFError, OSError):
            while self.connection.poll():
                kind, *details = self.connection.recv()
                if kind == "pong":
                    self.asked = 0.0
                    self.answered = time.monotonic()
                    self.lag, self.place = details
                elif kind == "ready":
                    self.ready = True
                    self.born = time.monotonic()
                elif kind == "debugging":
                    self.debugging = True
                else:
                    self.leaving = True

    def signal(self, number: int) -> None:
        """Send a signal; quietly nothing when the process has ended."""
        if self._process.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end after what it is serving."""
        self.signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        if self._process.is_alive():
            self._process.kill()

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end."""
        self._process.join(timeout)

    def close(self) -> None:
        """Let go of the pipe of a process that has ended."""
        self.connection.close()


def reason(exitcode: int | None) -> str:
    """Why a process ended, from its exit status."""
    if exitcode is None or exitcode >= 0:
        return f"exit status {exitcode}"
    try:
        name = signal.Signals(-exitcode).name
    except ValueError:
        name = f"signal {-exitcode}"
    hint = ", as the system does when memory runs out" if name == "SIGKILL" else ""
    return f"killed by {name}{hint}"


def nested() -> bool:
    """Whether this is a spawned process that is still importing the main module.

    A program that starts a supervisor without `if __name__ == "__main__":` gets here again in each of its children.
    """
    return bool(getattr(multiprocessing.current_process(), "_inheriting", False))


@contextlib.contextmanager
def _held_back() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# --- the process's side -------------------------------------------------------------------------------------------


def _serve(
    config: Any, target: Target, sockets: list[socket.socket], connection: Connection[Any, Any], console: bool
) -> None:
    """What a spawned process runs."""
    for number in STOPPING:
        signal.signal(number, _leave)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    config.configure_logging()
    pulse = _Pulse(connection, getattr(target, "__self__", None), config)
    if console:
        _take_console(pulse)
    pulse.start()
    try:
        target(sockets)
        with contextlib.suppress(OSError):  # no parent, nobody to tell
            pulse.tell("leaving")
    except KeyboardInterrupt:
        return
    except Exception as error:
        explain(error)
        sys.exit(1)


def _take_console(pulse: _Pulse) -> None:
    """Let a debugger read the terminal, having told the parent, which may be reading it too."""
    with contextlib.suppress(OSError):
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - it lives as long as the process

    # Python tells of a debugger before it starts one; a hook of our own in its place would be where it stops.
    def noted(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "builtins.breakpoint":
            pulse.tell("debugging")

    sys.addaudithook(noted)


def _leave(number: int, frame: Any) -> None:
    """A signal before the server takes signals, or after it: there is nothing to wait for."""
    raise Ended(0)


class _Pulse(threading.Thread):
    """Tells the parent how the process is, and ends the process when the parent is gone."""

    def __init__(self, connection: Connection[Any, Any], server: Any, config: Any) -> None:
        super().__init__(name="tricorn-pulse", daemon=True)
        self.connection = connection
        self.server = server
        self.config = config
        self.main = threading.main_thread().ident or 0
        self._lock = threading.Lock()

    def tell(self, *message: Any) -> None:
        """Send a message to the parent."""
        with self._lock:
            self.connection.send(message)

    def run(self) -> None:
        """Answer until the pipe ends."""
        told = False  # whether the parent knows that connections are accepted
        try:
            while True:
                if self.connection.poll(TURN if told else STARTING_TURN):
                    self.connection.recv()
                    self.tell("pong", *self._lag())
                accepting = getattr(self.server, "accepting", True)
                if accepting != told:
                    told = accepting
                    self.tell("ready" if accepting else "leaving")
        except (EOFError, OSError):
            self._end()

    def _lag(self) -> tuple[float, str | None]:
        kernel = getattr(self.server, "kernel", None)
        if kernel is None or not kernel.clock:
            return 0.0, None
        lag = max(0.0, time.monotonic() - kernel.clock)
        return lag, place_of(self.main) if lag > LAG else None

    def _end(self) -> None:
        """The parent is gone, and with it whoever would replace or stop this process."""
        logger.error("The parent process is gone: process [%d] ends.", os.getpid())
        os.kill(os.getpid(), signal.SIGTERM)
        limit = self.config.timeout_graceful_shutdown
        time.sleep(ORPHAN_TIME if limit is None else limit + 1)
        os._exit(1)
