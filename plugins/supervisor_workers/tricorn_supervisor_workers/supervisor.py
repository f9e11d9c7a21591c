"""The parent of the workers: starts them, watches them, replaces them, stops them.

A worker is in one of these places, and only the methods of `Multiprocess` move it:

    processes   it has a slot: starting, or serving. There are `wanted` slots.
    successor   started by a rolling restart, to take the slot of an older worker as soon as it is ready
    retired     it has stopped accepting, or was told to: it finishes what it has and ends

All listen on the same sockets, which the parent holds open, so that connections wait in the system's queue while
no worker accepts any: a restart loses none of them. The parent sleeps until a worker says something or ends, a signal
arrives, or half a second has passed.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import wait
from typing import Any

from tricorn.announce import log_address
from tricorn.config import STARTUP_FAILURE
from tricorn.server import Server
from tricorn.supervisors.process import Process, nested, reason
from tricorn.supervisors.signals import Signals
from tricorn_supervisor_workers.rolling import RollingRestart

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGTTIN", "SIGTTOU", "SIGUSR1", "SIGUSR2", "SIGQUIT", "SIGWINCH")
"""What the parent takes; those without a `handle_` method are ignored, so that they do not end it."""

POLL = 0.5
"""Seconds between two looks at the workers when nothing happens."""

SETTLED = 10.0
"""Seconds of serving after which the end of a worker says nothing about the one that takes its place."""

LONGEST_PAUSE = 30.0
"""Seconds at most before the next attempt, when workers end again and again soon after their start."""

FORCE_TIME = 2.0
"""Seconds that workers which are forced to quit, or have not begun to serve, get before they are killed."""

logger = logging.getLogger("tricorn.error")


class Multiprocess:
    """Keeps `config.workers` processes serving the same sockets.

    target: called in each of them with the sockets; by default `Server(config).run`. sockets: bound; by default the
    address of the configuration is taken. Sockets may also stand in the place of `target`, as in newer uvicorn.

    should_exit: set it, from any thread, to stop. In the main thread signals are handled while `run()` runs.
    """

    def __init__(self, config: Any, target: Any = None, sockets: Sequence[socket.socket] | None = None) -> None:
        if isinstance(target, (list, tuple)):
            target, sockets = None, target
        self.config = config
        self.target = target or Server(config).run
        self.wanted = max(1, int(config.workers or 1))
        self.processes: list[Process] = []
        self.retired: list[Process] = []
        self.restart = RollingRestart(self._start, self._replace)
        self.should_exit = threading.Event()
        self.status = 0
        self._sockets = None if sockets is None else list(sockets)
        self._bound: list[socket.socket] = []
        self._signals = Signals(SIGNALS)
        self._failures = 0
        self._pause_until = 0.0
        self._served = False
        self._forced = 0.0

    # --- running --------------------------------------------------------------------------------------------------

    def run(self) -> int:
        """Serve until told to stop. Returns 0, or 3 when the workers cannot start."""
        if nested():
            logger.error(
                "A worker that imports the main module starts workers again: "
                "put the call under 'if __name__ == \"__main__\":'."
            )
            return STARTUP_FAILURE
        if self._sockets is None:
            self.config.select()
            self._bound = self.config.bind_sockets()
            for sock in self._bound:
                # From here on connections wait for the first worker instead of being refused.
                sock.listen(self.config.backlog)
            log_address(self.config, self._bound)
        _log_process("Started parent process [%d]", os.getpid())
        try:
            with self._signals.handled():
                while not self.should_exit.is_set():
                    self._fill()
                    self._turn()
                    self.restart.advance(self.processes, self.config.timeout_worker_healthcheck)
                self._stop()
        finally:
            for process in self._all():
                process.kill()
            self._close_sockets()
        _log_process("Stopping parent process [%d]", os.getpid())
        return self.status

    def _all(self) -> list[Process]:
        successor = self.restart.successor
        return [*self.processes, *([] if successor is None else [successor]), *self.retired]

    def _turn(self) -> None:
        """Wait until something happens, then see to it."""
        processes = self._all()
        for process in processes:
            process.ping()
        before = time.monotonic()
        wait([self._signals.fileno(), *(p.connection for p in processes), *(p.sentinel for p in processes)], POLL)
        late = time.monotonic() - before - POLL
        for process in processes:
            # When this process was stopped for a while, the workers may have been too: that is not their fault.
            process.asked += late if process.asked and late > POLL else 0.0
            process.listen()
        for name in self._signals.take():
            self._handle(name)
        self._watch()

    def _start(self) -> Process:
        process = Process(self.config, self.target, self._bound if self._sockets is None else self._sockets)
        process.start()
        return process

    def _fill(self) -> None:
        """Start what is missing, unless workers end as soon as they have started."""
        while len(self.processes) < self.wanted and time.monotonic() >= self._pause_until:
            self.processes.append(self._start())

    # --- watching -------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        for process in self._all():
            self._served |= process.ready
            if process.exitcode is not None:
                self._ended(process, reason(process.exitcode))
            elif process.leaving and process in self.processes:
                # It has reached its request limit, or somebody signalled it: the next one need not wait for its end.
                self.processes.remove(process)
                self.retired.append(process)
            elif process.ready:
                self._check(process)

    def _check(self, process: Process) -> None:
        """Kill a process that gives no sign of life; tell of an event loop that does not turn, or kill that one too."""
        limit, longest = self.config.timeout_worker_healthcheck, self.config.timeout_worker_blocked
        if process.asked and time.monotonic() - process.asked > limit:
            self._doubt(process, limit)
        elif process.leaving:
            return
        elif longest and process.lag > longest:
            self._kill(process, f"its event loop was blocked for {process.lag:.1f} seconds in {process.place}; killed")
        elif (process.lag > limit) != process.stuck:
            process.stuck = not process.stuck
            if process.stuck:
                logger.warning(
                    "Child process [%d] serves nothing: for %.1f seconds its event loop has been in %s (not killed: "
                    "--timeout-worker-blocked would)",
                    process.pid,
                    process.lag,
                    process.place,
                )
            else:
                logger.info("Child process [%d] serves again.", process.pid)

    def _doubt(self, process: Process, limit: float) -> None:
        """Kill a process that does not answer, unless it works: it may be in code that lets no other thread run."""
        longest, now = self.config.timeout_worker_blocked, time.monotonic()
        if not process.vitals.at_work() or (longest and process.answered and now - process.answered > longest):
            self._kill(process, f"no sign of life for {limit:g} seconds, killed")
            return
        process.asked = now
        if not process.stuck:
            process.stuck = True
            logger.warning(
                "Child process [%d] has not answered for %g seconds, but works: it is in compiled code that keeps "
                "Python's other threads waiting (not killed).",
                process.pid,
                limit,
            )

    def _kill(self, process: Process, why: str) -> None:
        process.kill()
        process.join()
        self._ended(process, why)

    def _ended(self, process: Process, why: str) -> None:
        """Take leave of a process that has ended, expected or not."""
        process.close()
        if process in self.retired:
            self.retired.remove(process)
        elif process is self.restart.successor:
            self.restart.failed(process)
        else:
            self.processes.remove(process)
            if process.leaving and process.exitcode == 0:
                return  # it has reached its request limit, and ended before anybody looked
            logger.info("Child process [%d] died: %s.", process.pid, why)
            if process.exitcode == STARTUP_FAILURE or (not self._served and (process.exitcode or 0) > 0):
                logger.error("Child process [%d] failed to start, stopping the parent process.", process.pid)
                self.status = STARTUP_FAILURE
                self.should_exit.set()
            else:
                self._consider_pause(process)

    def _consider_pause(self, process: Process) -> None:
        """Wait longer and longer when all workers have ended soon after their start, again and again."""
        now = time.monotonic()
        if process.born and now - process.born > SETTLED:
            self._failures = 0
            return
        self._failures += 1
        rounds = self._failures // self.wanted
        if rounds > 1:
            pause = min(LONGEST_PAUSE, 0.25 * 2.0**rounds)
            self._pause_until = now + pause
            logger.warning("Workers end soon after their start: the next one starts in %g seconds.", pause)

    def _replace(self, old: Process, successor: Process) -> None:
        """Give the slot of a worker to its successor."""
        if old in self.processes:
            self.processes[self.processes.index(old)] = successor
            self._retire(old)
        elif len(self.processes) < self.wanted:
            self.processes.append(successor)
        else:
            self._retire(successor)

    def _retire(self, process: Process) -> None:
        """Let a process finish and end."""
        self.retired.append(process)
        process.terminate()
        _log_process("Terminated child process [%d]", process.pid)

    # --- stopping ---------------------------------------------------------------------------------------------------

    def _stop(self) -> None:
        """Stop all, and wait for as long as their requests take, unless told a second time."""
        # While anybody holds these open, the system takes connections that no worker would accept any more. The
        # workers that have not begun to serve go first, so that the last one to hold them is one that accepts.
        self._close_sockets()
        starting = [process for process in self._all() if not process.ready]
        self.restart.successor = None
        self._finish(starting, FORCE_TIME)
        self._finish(self._all(), FORCE_TIME)

    def _finish(self, processes: Sequence[Process], seconds: float) -> None:
        """Let processes end, and wait for it. seconds: when to kill those that serve nothing."""
        for process in processes:
            if process not in self.retired:
                self._retire(process)
        self.processes = [process for process in self.processes if process not in processes]
        for process in processes:
            _log_process("Waiting for child process [%d]", process.pid)
        end = time.monotonic() + seconds
        while any(process in self.retired for process in processes):
            self._turn()
            now = time.monotonic()
            for process in processes:
                if (now > end and not process.ready) or (self._forced and now > self._forced):
                    process.kill()

    def _close_sockets(self) -> None:
        for sock in (*self._bound, *(self._sockets or ())):
            sock.close()
        if self._bound and self.config.listener.close is not None:
            self.config.listener.close(self.config)
        self._bound = []

    # --- signals ----------------------------------------------------------------------------------------------------

    def _handle(self, name: str) -> None:
        handler = getattr(self, "handle_" + name.removeprefix("SIG").lower(), None)
        if handler is None:
            logger.debug("Received signal %s, but no handler is defined for it.", name)
        elif not self.should_exit.is_set() or name == "SIGINT":
            handler()

    def handle_int(self) -> None:
        """Stop; told again, stop waiting for requests."""
        if self.should_exit.is_set():
            self._forced = time.monotonic() + FORCE_TIME
            for process in self.retired:
                process.signal(signal.SIGINT)
        else:
            logger.info("Received SIGINT, exiting.")
            self.should_exit.set()

    def handle_term(self) -> None:
        """Stop."""
        logger.info("Received SIGTERM, exiting.")
        self.should_exit.set()

    def handle_hup(self) -> None:
        """Replace all workers, one after the other."""
        logger.info("Received SIGHUP, restarting processes.")
        self.restart.begin(self.processes)

    def handle_ttin(self) -> None:
        """One worker more."""
        logger.info("Received SIGTTIN, increasing the number of processes.")
        self.wanted += 1

    def handle_ttou(self) -> None:
        """One worker less, but never none."""
        logger.info("Received SIGTTOU, decreasing number of processes.")
        self.wanted = max(1, self.wanted - 1)
        if len(self.processes) > self.wanted:
            self._retire(self.processes.pop())


def _log_process(text: str, pid: int) -> None:
    logger.info(text, pid, extra={"color_message": text.replace("%d", "\033[36m%d\033[0m")})
