"""The server: from a `Config` to connections being served, and back.

One server goes through: bind, load, lifespan start-up, listen, serve, stop listening, drain, lifespan shutdown. The
address is taken first, so that a port in use is told before a slow start-up; connections are accepted after it.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import FrameType
from typing import Any

from tricorn.accepting import stop_accepting
from tricorn.acceptor import listen
from tricorn.access import AccessLog, excluded_paths, open_access_log
from tricorn.announce import log_address, log_duplicates, log_process, log_selection, url_of
from tricorn.config import STARTUP_FAILURE, Config
from tricorn.draining import SETTLE, drain
from tricorn.kernel import Kernel
from tricorn.observers import notify
from tricorn.runner import in_fresh_context, refuse_running_loop, run_in_loop
from tricorn.signals import HANDLED_SIGNALS, captured
from tricorn.state import ServerState
from tricorn.tls import listen_options
from tricorn.waiting import TICK, Changes

__all__ = ["HANDLED_SIGNALS", "Server", "ServerState"]

logger = logging.getLogger("tricorn.error")

HEAP_BLOCK = 4 << 20
"""Bytes up to which glibc shall keep allocations in its heap; it then keeps twice as much free memory there."""


def settle_memory() -> None:
    """Settle a process that has started and will only serve from now on.

    What the start-up made lives as long as the process: the collector need never look at it again. No collection before
    it: that would take a fifth of the start-up, and finds little.

    glibc's malloc gives free memory at the end of the heap back from 128 KiB on, so that bodies of that size would have
    the system map and clear their memory again for each request. The limits rise when a larger block is freed
    (mallopt(3), M_MMAP_THRESHOLD). The pages of this one are never touched.
    """
    gc.freeze()
    bytes(HEAP_BLOCK)


class Server:
    """One server of one `Config`.

    started: it has come to accept connections. accepting: it does so now. should_exit, force_exit: set them (from any
    thread) to end the server, the second without waiting for anybody. servers: the asyncio servers. kernel: connections
    and calls, once started.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.started = False
        self.accepting = False
        self.servers: list[asyncio.base_events.Server] = []
        self.kernel: Kernel | None = None
        self.access: AccessLog | None = None
        self.lifespan: Any = None
        self.last_notified = 0.0
        self._bound: list[socket.socket] | None = None
        self._captured_signals: list[int] = []
        self._should_exit = False
        self._force_exit = False
        self._changes = Changes()

    # --- what may be seen and set from outside ----------------------------------------------------------------------

    @property
    def should_exit(self) -> bool:
        """Whether the server is to end, after what it is doing."""
        return self._should_exit

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        self._should_exit = value
        self._changes.tell()

    @property
    def force_exit(self) -> bool:
        """Whether the server is to end at once."""
        return self._force_exit

    @force_exit.setter
    def force_exit(self, value: bool) -> None:
        self._force_exit = value
        self._changes.tell()

    @property
    def server_state(self) -> ServerState:
        """Counts of requests, connections and tasks."""
        return ServerState(lambda: self.kernel)

    @property
    def url(self) -> str:
        """Where a started server is to be found: its first address, without a slash at the end."""
        return url_of(self.servers[0].sockets[0].getsockname(), self.config.is_ssl)

    @functools.cached_property
    def limit_max_requests(self) -> int | None:
        """After how many requests the server ends; drawn once, so that workers do not end together."""
        limit: int | None = self.config.limit_max_requests
        return None if limit is None else limit + random.randint(0, self.config.limit_max_requests_jitter)

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve in a loop of the configuration's own until told to stop.

        Raises KeyboardInterrupt after a Ctrl-C, and RuntimeError where a loop is running already.
        """
        refuse_running_loop("Server.run()")
        run_in_loop(lambda: self.serve(sockets), self.config.get_loop_factory())

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve in the running loop until told to stop.

        In the main thread SIGINT, SIGTERM and SIGHUP stop the server and are raised again when it has ended. Raises
        SystemExit(3) when the server cannot start. When this is cancelled nothing more is accepted, and `shutdown()`
        may still be awaited to let requests and application finish.
        """
        with self.capture_signals():
            await self._serve(sockets)

    async def _serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._changes.attach()
        try:
            if sockets is None:
                self.bind()
            if not self.config.loaded:
                self.config.load()
            self.lifespan = self.config.lifespan_class(self.config)
            log_process("Started server process [%d]", os.getpid())
            await self.startup(sockets=sockets)
            if not self.should_exit:
                await self.main_loop()
            if self.accepting:
                await self.shutdown(sockets=sockets)
                log_process("Finished server process [%d]", os.getpid())
        finally:
            self._close(sockets)
            if not self.accepting:
                self._stop()

    def bind(self) -> None:
        """Take the address now; `startup` does it otherwise. Exits with status 3 where it cannot be had."""
        if self._bound is None:
            self.config.select()
            self._bound = self.config.bind_sockets()

    def prepare(self) -> None:
        """Take the address, then load plugins and application; whatever goes wrong gives the address back."""
        try:
            self.bind()
            if not self.config.loaded:
                self.config.load()
        except BaseException:
            self._close(None)
            raise

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then accept connections.

        sockets: listen on these instead of on the address of the configuration; they are closed at shutdown.
        Raises SystemExit(3) when the application's start-up fails. A signal ends a start-up that still runs.
        """
        self._changes.attach()
        self.started = False
        if sockets is None:
            self.bind()
        config = self.config
        if not config.loaded:
            config.load()
        if self.lifespan is None:
            self.lifespan = config.lifespan_class(config)
        if not await self._changes.unless(lambda: self.should_exit, self.lifespan.startup(), settle=None):
            logger.info("Stopped before the application had started.")
            return
        if self.lifespan.should_exit:
            self._close(sockets)
            sys.exit(STARTUP_FAILURE)
        self.kernel = self._make_kernel()
        self.servers = []
        try:
            await self._listen(sockets if sockets is not None else self._bound or [])
        except OSError as error:
            logger.error("Cannot listen: %s", error.strerror or error)
            await self.lifespan.shutdown()
            self._close(sockets)
            self._stop()
            sys.exit(STARTUP_FAILURE)
        if config.dedicated:
            settle_memory()
        log_selection(config)
        log_duplicates()
        if sockets is None:
            log_address(config, self._bound or [])
        self.started = self.accepting = True
        notify(config, "tricorn_started", self.kernel)

    def _make_kernel(self) -> Kernel:
        config = self.config
        self.access = open_access_log(config)
        ws = config.selected["ws"]
        kernel = Kernel(
            config.loaded_app,
            config,
            http=[plugin.provider for plugin in config.selected["http"]],
            ws=ws[0].provider if ws else None,
            state=self.lifespan.state,
        )
        kernel.start()
        if self.access is not None:
            kernel.access = kernel.access_refused = self.access.recorder(kernel.loop)
            if config.access_log_format:
                from tricorn.measuring import measured

                kernel.access, kernel.app = None, measured(kernel.app, excluded_paths(config))
        if config.reset_contextvars:
            kernel.create_task = in_fresh_context(kernel.create_task)
        return kernel

    async def _listen(self, sockets: Sequence[socket.socket]) -> None:
        assert self.kernel is not None
        options = listen_options(self.config)
        # Selected where the server makes its own loop; inside another one nothing is known of that.
        loops_own = next((loop.provider.listen for loop in self.config.selected.get("loop", ())), None)
        for sock in sockets:
            self.servers.append(await listen(sock, self.kernel.protocol, self.config.backlog, options, loops_own))

    async def main_loop(self) -> None:
        """Wait until something ends the server, and do what is due in between."""
        counter = 0
        while not await self.on_tick(counter):
            self._flush()
            counter += 1
            await self._changes.wait(TICK)

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second: notify who asked for it; return whether the server has to end."""
        callback = self.config.callback_notify
        if callback is not None and time.time() - self.last_notified > self.config.timeout_notify:
            self.last_notified = time.time()
            await callback()
        limit = self.limit_max_requests
        if limit is not None and self.server_state.total_requests >= limit:
            logger.info("Maximum request limit of %d exceeded. Terminating process.", limit)
            return True
        return self.should_exit

    # --- ending ---------------------------------------------------------------------------------------------------

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, let the requests finish, then shut the application down. Calling it again does nothing."""
        if not self.accepting:
            return
        self.accepting = False
        logger.info("Shutting down")
        assert self.kernel is not None
        self.kernel.draining = True
        notify(self.config, "tricorn_stopping", self.kernel)
        listening = [*(sockets or ()), *(self._bound or ())]
        options = listen_options(self.config)
        await stop_accepting(listening, lambda: self._close(sockets), self.kernel.protocol, options)
        self.kernel.drain()
        limit = self.config.timeout_graceful_shutdown
        await drain(self.kernel, self._changes, lambda: self.force_exit, limit, self._flush)
        if not self.force_exit:
            await self._changes.unless(lambda: self.force_exit, self.lifespan.shutdown(), settle=SETTLE)
        self._stop()

    def _close(self, sockets: Sequence[socket.socket] | None) -> None:
        """Accept nothing more and leave no socket file behind."""
        for server in self.servers:
            server.close()
        for sock in (*(sockets or ()), *(self._bound or ())):
            sock.close()
        if self._bound is not None:
            self._bound = None
            close = self.config.listener.close
            if close is not None:
                close(self.config)
        self._flush()

    def _stop(self) -> None:
        """Serve nobody any more: no clock, and no line unwritten."""
        if self.kernel is not None:
            self.kernel.stop()
        self._flush()

    def _flush(self) -> None:
        if self.access is not None:
            self.access.flush()

    def capture_signals(self) -> AbstractContextManager[None]:
        """Handle the signals that end it meanwhile, then put the old handlers back and raise what was caught again.

        The handler is a bound method of the server, because libraries with endless responses find it through that.
        """
        return captured(self.handle_exit, self._captured_signals)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal: the first ends the server, a second SIGINT ends it at once."""
        self._captured_signals.append(sig)
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        else:
            self.should_exit = True
