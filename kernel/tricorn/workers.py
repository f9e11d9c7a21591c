"""Worker classes for gunicorn: `gunicorn main:app -w 4 -k tricorn.workers.TricornWorker`.

gunicorn owns the sockets, the processes and the log; a worker is one server in one of its processes. Only gunicorn
imports this module, so that nobody else needs it installed.
"""

from __future__ import annotations

import asyncio
import logging
import os
from types import FrameType
from typing import Any, ClassVar

from gunicorn.workers.base import Worker  # type: ignore[import-untyped]

from tricorn.config import Config
from tricorn.runner import run_in_loop
from tricorn.server import Server
from tricorn.stacks import place_of_frame

__all__ = ["TricornH11Worker", "TricornWorker", "UvicornH11Worker", "UvicornWorker"]

LOOK = 0.5
"""Seconds between two looks at whether gunicorn wants the worker to end."""


class TricornWorker(Worker):  # type: ignore[misc]
    """One of gunicorn's workers.

    CONFIG_KWARGS: options of `tricorn.Config`, set in a subclass; they beat what is taken from gunicorn's settings.

    TERM ends it after the requests that it has accepted, QUIT without waiting for them. What gunicorn kills because its
    event loop was blocked for longer than gunicorn's `timeout` says in which line that was.
    """

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.server: Server | None = None
        self._take_log("tricorn.error", self.log.error_log)
        self._take_log("tricorn.access", self.log.access_log)
        self.config: Any = Config(**{**self._settings(), **self.CONFIG_KWARGS})

    def _take_log(self, name: str, log: logging.Logger) -> None:
        logger = logging.getLogger(name)
        logger.handlers = log.handlers
        logger.setLevel(log.level)
        logger.propagate = False

    def _settings(self) -> dict[str, Any]:
        """The options that gunicorn's settings stand for."""
        cfg = self.cfg
        settings = {
            "app": None,
            "log_config": None,
            "access_log": bool(self.log.access_log.handlers),
            "backlog": cfg.backlog,
            "timeout_keep_alive": cfg.keepalive,
            "timeout_notify": self.timeout,
            "callback_notify": self.callback_notify,
            "limit_max_requests": self.max_requests,
            "forwarded_allow_ips": cfg.forwarded_allow_ips,
        }
        if cfg.is_ssl:
            settings |= {
                "ssl_keyfile": cfg.keyfile,
                "ssl_certfile": cfg.certfile,
                "ssl_cert_reqs": cfg.cert_reqs,
                "ssl_ca_certs": cfg.ca_certs,
                "ssl_ciphers": cfg.ciphers,
                "ssl_context_factory": lambda config, default: cfg.ssl_context(cfg, default),
            }
        return settings

    def run(self) -> None:
        """Serve until told to stop: called by gunicorn when the application has been loaded."""
        run_in_loop(self._serve, self.config.get_loop_factory())

    async def _serve(self) -> None:
        self.config.app = self.wsgi
        self.config.dedicated = True
        self.server = Server(self.config)
        watch = asyncio.ensure_future(self._watch(self.server))
        try:
            await self.server.serve(sockets=[listener.sock for listener in self.sockets])
        finally:
            watch.cancel()

    async def _watch(self, server: Server) -> None:
        """End the server when gunicorn's reloader has asked for it, or gunicorn has gone."""
        # Set by a thread of gunicorn's, and by the end of another process: there is no event to wait for.
        while self.alive and self.ppid == os.getppid():  # noqa: ASYNC110
            await asyncio.sleep(LOOK)
        if self.alive:
            self.log.info("Parent changed, shutting down: %s", self)
        server.should_exit = True

    async def callback_notify(self) -> None:
        """Tell gunicorn that the event loop turns."""
        self.notify()

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """Take SIGQUIT: end now, cancelling the requests; the application's shutdown runs."""
        if self.server is None:
            super().handle_quit(sig, frame)
            return
        self.alive = False
        self.cfg.worker_int(self)
        self.config.timeout_graceful_shutdown = 0
        self.server.should_exit = True

    def handle_abort(self, sig: int, frame: FrameType | None) -> None:
        """Take SIGABRT: gunicorn has not heard of the event loop for its `timeout`."""
        self.log.error("Worker (pid:%s) was blocked in %s", self.pid, place_of_frame(frame))
        super().handle_abort(sig, frame)


class TricornH11Worker(TricornWorker):
    """One with the parts that are pure Python."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {"loop": "asyncio", "http": "h11"}


# Under `tricorn exec` gunicorn asks for uvicorn's names.
UvicornWorker, UvicornH11Worker = TricornWorker, TricornH11Worker
