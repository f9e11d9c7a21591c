"""The access log: straight to the stream while nobody has changed the logger, through `logging` otherwise.

Making, filtering and formatting a record costs more than serving a small request. As long as the logger
`tricorn.access` is what its plugin configured, a line is rendered at once and waits in a buffer, which is written at
the latest after 100 ms, at 64 KiB, and when the server ends. Anything else that somebody does to the logger (a filter,
a handler, a level, a formatter) is noticed at the next record, and from there records go the long way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Container
from contextlib import nullcontext
from typing import Any

from tricorn.log_formats import escape

INFO = logging.INFO
BUFFER = 64 * 1024
"""Characters that wait at most: one write of this size costs little more than one of a line."""

Renderer = Callable[[str, str, str, str, int], str]


class AccessLog:
    """What the kernel calls with (client, method, path, version, status) of every response.

    render: one line without its end, or None to use `logging` always.
    """

    __slots__ = ("_append", "_formatter", "_handler", "_lines", "_lost", "_render", "_size", "logger")

    def __init__(self, render: Renderer | None) -> None:
        self.logger = logger = logging.getLogger("tricorn.access")
        self._lines: list[str] = []
        self._append = self._lines.append
        self._size = 0
        self._lost = 0
        self._handler: logging.StreamHandler | None = None  # type: ignore[type-arg]
        self._formatter: logging.Formatter | None = None
        self._render: Any = render  # where there is a handler
        handlers = logger.handlers
        # A subclass may do anything with a record; only the plain class is known to do nothing but write it.
        if render is not None and len(handlers) == 1 and type(handlers[0]) is logging.StreamHandler:
            self._handler = handlers[0]
            self._formatter = handlers[0].formatter

    def __call__(self, client: str, method: str, path: str, version: str, status: int) -> None:
        """Log one response."""
        logger = self.logger
        if not logger.isEnabledFor(INFO):
            return
        if not path.isprintable() or '"' in path or '"' in method:
            method, path = escape(method), escape(path)
        handler, handlers = self._handler, logger.handlers
        if (
            handler is None
            or logger.filters
            or logger.propagate
            or len(handlers) != 1
            or handlers[0] is not handler
            or handler.filters
            or handler.formatter is not self._formatter
            or handler.level > INFO
        ):
            self.flush()
            logger.info('%s - "%s %s HTTP/%s" %d', client, method, path, version, status)
            return
        line = self._render(client, method, path, version, status)
        self._append(line)
        self._size = size = self._size + len(line)
        if size > BUFFER:
            self.flush()

    def flush(self) -> None:
        """Write what waits. Lines that cannot be written are counted and reported once it works again, or at once."""
        if not self._lines:
            return
        lines = self._lines.copy()
        self._lines.clear()
        self._size = 0
        handler = self._handler
        assert handler is not None
        try:
            with handler.lock or nullcontext():
                handler.stream.write("\n".join(lines) + "\n")
                handler.flush()
        except Exception as error:
            if not self._lost:
                logging.getLogger("tricorn.error").error("The access log cannot be written: %s", error)
            self._lost += len(lines)
        else:
            if self._lost:
                logging.getLogger("tricorn.error").error("%d lines of the access log were lost.", self._lost)
                self._lost = 0


class SelectiveAccessLog(AccessLog):
    """Leaves out what succeeds at certain paths: health checks, and whoever collects metrics."""

    __slots__ = ("_excluded",)

    def __init__(self, render: Renderer | None, excluded: Container[str]) -> None:
        super().__init__(render)
        self._excluded = excluded

    def __call__(self, client: str, method: str, path: str, version: str, status: int) -> None:
        """Log one response, unless it is left out."""
        if not left_out(path, status, self._excluded):
            super().__call__(client, method, path, version, status)


def left_out(path: str, status: int, excluded: Container[str]) -> bool:
    """Whether a response is one of those that nobody wants to read about. Whatever fails is logged."""
    return 200 <= status < 300 and path.partition("?")[0] in excluded


def excluded_paths(config: Any) -> frozenset[str]:
    """The paths of `--access-log-exclude`, as the access log shows them."""
    given = config.access_log_exclude or ()
    paths = given.split(",") if isinstance(given, str) else given
    return frozenset(path.strip() for path in paths if path.strip())


def open_access_log(config: Any) -> AccessLog | None:
    """What the configuration and its logging plugin make of the access log; None where it is off."""
    if not config.access_log:
        return None
    make = config.selected["logging"][0].provider.access
    render = make(config) if make is not None else None
    excluded = excluded_paths(config)
    return SelectiveAccessLog(render, excluded) if excluded else AccessLog(render)
