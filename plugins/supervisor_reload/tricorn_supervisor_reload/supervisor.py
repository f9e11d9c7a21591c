"""The parent of a server under development: one serving process, replaced whenever files change.

It holds the sockets, so that a browser that asks in between waits for the next process instead of being refused. An
application that cannot start, or ends by itself, is not started again before the next change.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import signal
import socket
import sys
import threading
import time
import webbrowser
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from tricorn.announce import log_address
from tricorn.config import STARTUP_FAILURE
from tricorn.server import Server
from tricorn.signals import ending_signals
from tricorn.supervisors.process import Process, nested, reason
from tricorn.supervisors.signals import Signals
from tricorn_supervisor_reload.keys import CLEAR, HELP, Keys
from tricorn_supervisor_reload.patterns import FileFilter

GRACE = 2.0
"""Seconds that requests get to finish before a restart, unless a limit is configured: an open stream never ends."""

TOLD = 0.1
"""Seconds until open streams and WebSockets are told of it: whoever waits for the restart waits for nothing else."""

KILL_TIME = 3.0
"""Seconds on top of that until a process that does not react is killed."""

NEXT_PORTS = 20
"""Ports that are tried, where the next free one is wanted: a range that is taken as a whole is no accident."""

RUSH = (3, 5.0)
"""So many restarts in so many seconds of serving are hardly a person's. What a start takes does not count: what an
application writes then would go unnoticed where that is long."""

logger = logging.getLogger("tricorn.error")


class BaseReload:
    """Keeps one process serving, and replaces it for every change that `watch` yields.

    target: called in the process with the sockets; by default `Server(config).run`. sockets: bound; by default the
    address of the configuration is taken.

    should_exit: set it, from any thread, to stop. In the main thread signals are handled while `run()` runs.
    """

    reloader_name = ""

    def __init__(self, config: Any, target: Any = None, sockets: Sequence[socket.socket] | None = None) -> None:
        if isinstance(target, (list, tuple)):
            target, sockets = None, target
        if config.timeout_graceful_shutdown is None:
            config.timeout_graceful_shutdown = GRACE
        config.timeout_graceful_streams = min(config.timeout_graceful_streams, TOLD)
        self.config = config
        self.target = target or Server(config).run
        self.sockets = list(sockets or ())
        self.should_exit = threading.Event()
        self.filter = FileFilter(config)
        self.process: Process | None = None
        self._owned = sockets is None
        self._signals = Signals(number.name for number in ending_signals())
        self._changes: deque[set[Path]] = deque()
        self._bell, self._ringer = socket.socketpair()
        self._served: deque[float] = deque(maxlen=RUSH[0])
        self._keys = Keys()
        self._other_level = "debug"
        self._forced = False

    def watch(self) -> Iterator[set[Path]]:
        """Wait for changes that count; called in a thread. Returns when `should_exit` is set."""
        raise NotImplementedError

    # --- running --------------------------------------------------------------------------------------------------

    def run(self) -> int:
        """Serve until told to stop. Returns the exit status of the program."""
        if nested():
            logger.error(
                "The main module starts the reloader again while the server's process imports it: "
                "put the call under 'if __name__ == \"__main__\":'."
            )
            return STARTUP_FAILURE
        logger.info("Will watch for changes in these directories: %s", [str(d) for d in self.filter.directories])
        if self._owned:
            self.config.select()
            self.sockets = self._bind()
            for sock in self.sockets:
                sock.listen(self.config.backlog)
            log_address(self.config, self.sockets)
        self._log("Started reloader process [%d] using %s", os.getpid(), self.reloader_name)
        watcher = threading.Thread(target=self._watch, name="tricorn-watcher", daemon=True)
        watcher.start()
        try:
            with self._signals.handled(), self._keys.read() if self._wants_keys() else contextlib.nullcontext():
                if self._keys.filenos():
                    logger.info(HELP)
                self._start()
                while not self.should_exit.is_set():
                    self._turn()
                self._stop()
        finally:
            self._leave(watcher)
        self._log("Stopping reloader process [%d]", os.getpid())
        return 0

    def _bind(self) -> list[socket.socket]:
        """The sockets of the configuration's address; where that is wanted, of the first free port from there on."""
        config = self.config
        for _ in range(NEXT_PORTS if getattr(config, "reload_next_port", False) else 0):
            try:
                return list(config.listener.open(config))
            except OSError as error:
                if error.errno != errno.EADDRINUSE or config.port == 65535:
                    break
                logger.warning("%s Taking port %d.", str(error.strerror).partition(" Try ")[0], config.port + 1)
                config.port += 1
        return list(config.bind_sockets())

    def _leave(self, watcher: threading.Thread) -> None:
        self.should_exit.set()
        if self.process is not None:
            self.process.kill()
        for sock in self.sockets:
            sock.close()
        if self._owned and self.config.listener.close is not None:
            self.config.listener.close(self.config)
        watcher.join()
        self._bell.close()
        self._ringer.close()

    def _watch(self) -> None:
        """What the watching thread runs."""
        try:
            for paths in self.watch():
                self._changes.append(paths)
                self._ringer.send(b"!")
        except Exception:
            logger.exception("Watching for changes failed; the server goes on without.")

    def _turn(self) -> None:
        """Wait until something happens, then see to it."""
        process = self.process
        ready: list[Any] = [] if process is None else [process.sentinel, process.connection]
        ready = wait([self._signals.fileno(), self._bell, *self._keys.filenos(), *ready], 0.5)
        self._take_signals()
        if process is not None:
            process.listen()
            if process.debugging:
                self._keys.release()
            if process.exitcode is not None:
                process.close()
                self.process = None
                logger.warning("The server ended (%s); it starts again at the next change.", reason(process.exitcode))
        self._take_keys(self._keys.pressed(ready))
        if self._changes and not self.should_exit.is_set():
            self._reload()

    def _take_signals(self) -> None:
        for name in self._signals.take():
            self._forced = self.should_exit.is_set() and name == "SIGINT"
            self.should_exit.set()

    # --- the keys ---------------------------------------------------------------------------------------------------

    def _wants_keys(self) -> bool:
        return bool(getattr(self.config, "reload_keys", False))

    def _take_keys(self, keys: str) -> None:
        actions = {
            "r": self._restart,
            "o": self._open,
            "u": lambda: log_address(self.config, self.sockets),
            "l": self._change_level,
            "c": lambda: print(CLEAR, end="", file=sys.stderr, flush=True),
            "q": self.should_exit.set,
        }
        for key in keys:
            actions.get(key, lambda: logger.info(HELP))()

    def _restart(self) -> None:
        logger.info("Restarting.")
        self._stop()
        if not self.should_exit.is_set():
            self._start()

    def _open(self) -> None:
        url = url_of(self.config, self.sockets[0])
        logger.info("Opening %s", url)
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

    def _change_level(self) -> None:
        """Log all, or again what was asked for; the application meets it from its start."""
        config = self.config
        config.log_level, self._other_level = self._other_level, config.log_level
        config.configure_logging()
        logger.info("Log level: %s.", config.log_level or "info")
        self._restart()

    # --- the process ------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self.process = Process(self.config, self.target, self.sockets, console=True)
        self.process.start()

    def _reload(self) -> None:
        """Replace the process, once what changes has had the time to change completely."""
        self.should_exit.wait(self.config.reload_delay)
        paths = set[Path]()
        while self._changes:
            self._bell.recv(1)
            paths |= self._changes.popleft()
        shown = ", ".join(f"'{_shown(path)}'" for path in sorted(paths))
        logger.warning("%s detected changes in %s. Reloading...", self.reloader_name, shown)
        self._warn_of_rush(shown)
        self._stop()
        if not self.should_exit.is_set():
            self._start()

    def _warn_of_rush(self, shown: str) -> None:
        number, seconds = RUSH
        if self.process is None:  # what cannot start is edited until it can
            self._served.clear()
            return
        born = self.process.born
        self._served.append(time.monotonic() - born if born else 0.0)
        if len(self._served) == number and sum(self._served) < seconds:
            logger.warning(
                "%d reloads in %g seconds of serving: does the application itself write %s? --reload-exclude keeps a "
                "file out.",
                number,
                seconds,
                shown,
            )
            self._served.clear()

    def _stop(self) -> None:
        """End the process: gently, then not."""
        process, self.process = self.process, None
        if process is None:
            return
        process.terminate()
        forced = False
        killing = time.monotonic() + self.config.timeout_graceful_shutdown + KILL_TIME
        while process.exitcode is None:
            wait([self._signals.fileno(), process.sentinel], 0.5)
            self._take_signals()
            if self._forced and not forced:
                forced = True
                process.signal(signal.SIGINT)
                killing = time.monotonic() + KILL_TIME
            if time.monotonic() > killing:
                logger.warning("Process [%d] does not end: killing it.", process.pid)
                process.kill()
                process.join()
        process.close()

    def _log(self, text: str, *arguments: Any) -> None:
        coloured = text.replace("%d", "\033[36m\033[1m%d\033[0m").replace("%s", "\033[36m\033[1m%s\033[0m")
        logger.info(text, *arguments, extra={"color_message": coloured})


def url_of(config: Any, sock: socket.socket) -> str:
    """Where a browser on this machine finds the server."""
    name = sock.getsockname()
    if not isinstance(name, tuple):
        return f"unix:{name}"
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(name[0], f"[{name[0]}]" if ":" in name[0] else name[0])
    return f"{'https' if config.is_ssl else 'http'}://{host}:{name[1]}"


def _shown(path: Path) -> Path:
    """The path as a person in the current directory would write it."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
