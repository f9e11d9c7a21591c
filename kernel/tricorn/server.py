"""The server: from a `Config` to connections being served, and back.

One server goes through: bind, load, lifespan start-up, listen, serve, stop listening, drain, lifespan shutdown. The
address is taken first, so that a port in use is told before a slow start-up; connections are accepted after it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Generator, Sequence
from types import FrameType
from typing import Any

import tricorn
from tricorn.access import AccessLog
from tricorn.config import STARTUP_FAILURE, Config, log_address
from tricorn.kernel import Kernel
from tricorn.runner import run_in_loop

HANDLED_SIGNALS: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM)
if sys.platform == "win32":
    HANDLED_SIGNALS += (signal.SIGBREAK,)

TICK = 0.1
"""Seconds between two looks at what may end the server, and the longest that an access line waits."""

SETTLE = 1.0
"""Seconds that cancelled application calls get to answer and end before their connections are cut."""

logger = logging.getLogger("tricorn.error")


class Server:
    """One server of one `Config`.

    started: connections are accepted. should_exit, force_exit: set them (from any thread) to end the server, the
    second without waiting for anybody. servers: the asyncio servers. kernel: connections and calls, once started.
    dedicated: the process is there for this server alone, which may then tune the process (the garbage collector).
    """

    dedicated = False

    def __init__(self, config: Config) -> None:
        self.config = config
        self.started = False
        self.servers: list[asyncio.base_events.Server] = []
        self.kernel: Kernel | None = None
        self.access: AccessLog | None = None
        self.lifespan: Any = None
        self._bound: list[socket.socket] | None = None
        self._captured_signals: list[int] = []
        self._should_exit = False
        self._force_exit = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed: asyncio.Event | None = None

    # --- what may be set from outside -------------------------------------------------------------------------------

    @property
    def should_exit(self) -> bool:
        """Whether the server is to end, after what it is doing."""
        return self._should_exit

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        self._should_exit = value
        self._wake()

    @property
    def force_exit(self) -> bool:
        """Whether the server is to end at once."""
        return self._force_exit

    @force_exit.setter
    def force_exit(self, value: bool) -> None:
        self._force_exit = value
        self._wake()

    def _wake(self) -> None:
        if self._loop is not None and self._changed is not None:
            # The loop of a server that has ended may be closed.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._changed.set)

    @property
    def server_state(self) -> Any:
        """What counts connections and requests: the kernel, once the server has started."""
        return self.kernel

    # --- running ----------------------------------------------------------------------------------------------------

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve in a loop of the configuration's own until told to stop. Raises KeyboardInterrupt after a Ctrl-C."""
        run_in_loop(lambda: self.serve(sockets), self.config.get_loop_factory())

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve in the running loop until told to stop.

        In the main thread SIGINT and SIGTERM stop the server and are raised again when it has ended. Raises
        SystemExit(3) when the server cannot start.
        """
        with self.capture_signals():
            await self._serve(sockets)

    async def _serve(self, sockets: list[socket.socket] | None) -> None:
        self._watch()
        try:
            if sockets is None:
                self.bind()
            if not self.config.loaded:
                self.config.load()
            logger.info(
                "Started server process [%d]",
                os.getpid(),
                extra={"color_message": "Started server process [\033[36m%d\033[0m]"},
            )
            await self.startup(sockets)
            if self.started:
                await self.main_loop()
                await self.shutdown(sockets)
                logger.info(
                    "Finished server process [%d]",
                    os.getpid(),
                    extra={"color_message": "Finished server process [\033[36m%d\033[0m]"},
                )
        finally:
            self._close(sockets)

    def _watch(self) -> None:
        """Make setting `should_exit` wake the running loop."""
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()

    def bind(self) -> None:
        """Take the address now; `startup` does it otherwise. Exits with status 3 where it cannot be had."""
        if self._bound is None:
            self.config.select()
            self._bound = self.config.bind_sockets()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then accept connections.

        sockets: listen on these instead of on the address of the configuration; they are closed at shutdown.
        Raises SystemExit(3) when the application's start-up fails. A signal ends a start-up that still runs.
        """
        if self._changed is None:
            self._watch()
        if sockets is None:
            self.bind()
        config = self.config
        if self.lifespan is None:
            self.lifespan = config.selected["lifespan"][0].provider.open(config)
        if not await self._unless_stopped(self.lifespan.startup()):
            logger.info("Stopped before the application had started.")
            return
        if self.lifespan.should_exit:
            self._close(sockets)
            sys.exit(STARTUP_FAILURE)
        self.kernel = kernel = self._make_kernel()
        kernel.start()
        try:
            await self._listen(sockets if sockets is not None else self._bound or [])
        except OSError as error:
            logger.error("Cannot listen: %s", error.strerror or error)
            await self.lifespan.shutdown()
            self._close(sockets)
            sys.exit(STARTUP_FAILURE)
        if self.dedicated:
            # What the start-up made lives as long as the process: the collector need never look at it again.
            gc.collect()
            gc.freeze()
        self._log_selection()
        if sockets is None:
            log_address(config, self._bound or [])
        self.started = True
        self._notify("tricorn_started")

    def _make_kernel(self) -> Kernel:
        config = self.config
        if config.access_log:
            render = config.selected["logging"][0].provider.access
            self.access = AccessLog(render(config) if render is not None else None)
        ws = config.selected["ws"]
        return Kernel(
            config.loaded_app,
            config,
            http=[plugin.provider for plugin in config.selected["http"]],
            ws=ws[0].provider if ws else None,
            state=self.lifespan.state,
            access=self.access,
        )

    async def _listen(self, sockets: Sequence[socket.socket]) -> None:
        assert self.kernel is not None
        loop = asyncio.get_running_loop()
        for sock in sockets:
            self.servers.append(
                await loop.create_server(
                    self.kernel.protocol, sock=sock, ssl=self.config.ssl, backlog=self.config.backlog
                )
            )

    def _log_selection(self) -> None:
        loop = type(asyncio.get_running_loop()).__module__.partition(".")[0]
        chosen = [f"{kind} {' + '.join(map(str, self.config.selected[kind])) or 'none'}" for kind in ("http", "ws")]
        chosen.append(f"loop {next((str(p) for p in self.config.selected.get('loop', ()) if p.name == loop), loop)}")
        chosen += [f"plugin {plugin}" for plugin in self.config.selected["plugin"]]
        logger.info("Using tricorn %s, %s", tricorn.__version__, ", ".join(chosen))

    def _notify(self, hook: str) -> None:
        registry = self.config.registry
        for plugin in self.config.selected["plugin"]:
            if registry.implementations(hook, [plugin.provider]):
                try:
                    registry.call(plugin, hook, kernel=self.kernel)
                except Exception:
                    logger.exception("The %s failed in %s.", plugin.entry, hook)

    async def main_loop(self) -> None:
        """Wait until something ends the server, and do what is due in between."""
        counter = 0
        while not await self.on_tick(counter):
            counter += 1
            await self._changes(TICK)

    async def on_tick(self, counter: int) -> bool:
        """Write what waits to be written; return whether the server has to end."""
        if self.access is not None:
            self.access.flush()
        limit = self.config.limit_max_requests
        if limit is not None and self.kernel is not None and self.kernel.total_requests >= limit:
            logger.info("Maximum request limit of %d exceeded. Terminating process.", limit)
            return True
        return self.should_exit

    # --- ending -----------------------------------------------------------------------------------------------------

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, let the requests finish, then shut the application down. Calling it again does nothing."""
        if not self.started:
            return
        self.started = False
        logger.info("Shutting down")
        self._notify("tricorn_stopping")
        for server in self.servers:
            server.close()
        for sock in sockets or ():
            sock.close()
        assert self.kernel is not None
        self.kernel.drain()
        await self._drain(self.kernel)
        if not self.force_exit:
            await self._unless_forced(self.lifespan.shutdown())
        self.kernel.stop()
        self._close(sockets)

    async def _drain(self, kernel: Kernel) -> None:
        """Wait for connections and calls, as long as the configuration and the user allow."""
        drained = asyncio.ensure_future(kernel.drained())
        loop = asyncio.get_running_loop()
        limit = self.config.timeout_graceful_shutdown
        end = None if limit is None else loop.time() + limit
        # The idle connections close within this turn of the loop: nothing to tell about those.
        await asyncio.wait((drained,), timeout=TICK if limit is None else min(TICK, limit))
        if not drained.done() and not self.force_exit:
            what = "connections to close" if kernel.connections else "background tasks to complete"
            logger.info("Waiting for %s. (CTRL+C to force quit)", what)
        while not drained.done() and not self.force_exit and (end is None or loop.time() < end):
            await self._changes(TICK if end is None else min(TICK, max(0.0, end - loop.time())), drained)
            if self.access is not None:
                self.access.flush()
        if not drained.done() and not self.force_exit:
            message = "timeout graceful shutdown exceeded"
            logger.error("Cancel %s running task(s), %s", kernel.cancel(f"Task cancelled, {message}"), message)
            await asyncio.wait((drained,), timeout=SETTLE)
        if not drained.done():
            kernel.abort()
            kernel.cancel("Task cancelled, the server was forced to quit")
            await asyncio.wait((drained,), timeout=SETTLE if self.force_exit else 2 * TICK)
        drained.cancel()

    def _close(self, sockets: Sequence[socket.socket] | None) -> None:
        """Leave nothing behind: no ticker, no listening socket, no socket file, no line unwritten."""
        if self.kernel is not None:
            self.kernel.stop()
        for server in self.servers:
            server.close()
        for sock in (*(sockets or ()), *(self._bound or ())):
            sock.close()
        if self._bound is not None:
            self._bound = None
            close = self.config.listener.close
            if close is not None:
                close(self.config)
        if self.access is not None:
            self.access.flush()

    # --- waiting ----------------------------------------------------------------------------------------------------

    async def _changes(self, timeout: float | None, *others: asyncio.Future[Any]) -> None:
        """Wait until `should_exit` or `force_exit` is set, one of the others is done, or the time is up."""
        assert self._changed is not None
        self._changed.clear()
        waiter = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait((waiter, *others), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiter.cancel()

    async def _unless_stopped(self, work: Any) -> bool:
        """Run the application's start-up unless the server is told to end; whether it finished."""
        task = asyncio.ensure_future(work)
        try:
            while not task.done() and not self.should_exit:
                await self._changes(TICK, task)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait((task,))
        if task.cancelled():
            return False
        task.result()
        return True

    async def _unless_forced(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        try:
            while not task.done() and not self.force_exit:
                await self._changes(TICK, task)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait((task,), timeout=SETTLE)
        if task.done() and not task.cancelled():
            task.result()

    # --- signals ----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Handle SIGINT and SIGTERM meanwhile; afterwards put the old handlers back and raise what was caught again.

        Handlers belong to the main thread; in another one nothing is touched. They are bound methods of the server,
        because libraries with endless responses find it through them.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        for caught in reversed(self._captured_signals):
            signal.raise_signal(caught)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal: the first ends the server, a second SIGINT ends it at once."""
        self._captured_signals.append(sig)
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        else:
            self.should_exit = True
