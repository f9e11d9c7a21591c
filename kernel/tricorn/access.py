"""The access log: straight to the stream while nobody has changed the logger, through `logging` otherwise.

Making, filtering and formatting a record costs more than serving a small request. As long as the logger
`tricorn.access` is what its plugin configured, a line is rendered at once and waits in a buffer, which is written at
the latest after 100 ms, at some 64 KiB, and when the server ends. A filter or handler that somebody puts on the logger
is noticed at the next record; anything else that changes (a level, a formatter, what is on the handler) at the next
record too, unless that comes in the same turn of the loop as the one before. From there records go the long way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Container
from contextlib import nullcontext
from typing import Any

from tricorn.log_formats import escape

INFO = logging.INFO
LINES = 1000
"""Lines that wait at most when a turn of the loop ends: writing some 64 KiB costs little more than writing one line."""
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"))
"""Those that need no look at what an application may have made of them."""

Record = Callable[[str, str, str, str, int], None]
Renderer = Callable[[str, str, str, str, int], str]


class AccessLog:
    """Where the record of every response goes: what `recorder` makes is called with (client, method, path, version,
    status), of which client and path have been made safe for a log line (`tricorn.log_formats.escape`).

    render: one line without its end, or None to use `logging` always. excluded: paths to leave out where they succeed.
    """

    __slots__ = ("_excluded", "_formatter", "_handler", "_lines", "_lost", "_render", "logger")

    def __init__(self, render: Renderer | None, excluded: Container[str] = ()) -> None:
        self.logger = logger = logging.getLogger("tricorn.access")
        self._excluded = excluded
        self._lines: list[str] = []
        self._lost = 0
        self._handler: logging.StreamHandler[Any] | None = None
        self._formatter: logging.Formatter | None = None
        self._render = render
        handlers = logger.handlers
        # A subclass may do anything with a record; only the plain class is known to do nothing but write it.
        if render is not None and len(handlers) == 1 and type(handlers[0]) is logging.StreamHandler:
            self._handler = handlers[0]
            self._formatter = handlers[0].formatter

    def recorder(self, loop: asyncio.AbstractEventLoop) -> Record:
        """What a kernel logs its responses with, whose loop this is."""
        handler, render = self._handler, self._render
        record = self._log if handler is None or render is None else self._shortcut(render, handler, loop)
        return selective(record, self._excluded) if self._excluded else record

    def _shortcut(self, render: Renderer, handler: logging.Handler, loop: asyncio.AbstractEventLoop) -> Record:
        """What logs a response without `logging`. Every record pays for this.

        Comparing all attributes at once costs half of looking at each that matters, and once for all responses of a
        turn a fraction of that; names of a closure cost less than attributes.
        """
        lines, append, logger = self._lines, self._lines.append, self.logger
        logger_now, handler_now = vars(logger), vars(handler)
        logger_then: dict[str, Any] = {}
        handler_then: dict[str, Any] = {}
        filters, handlers = logger.filters, logger.handlers
        looked = False  # in this turn of the loop

        def record(client: str, method: str, path: str, version: str, status: int) -> None:
            if (not looked or filters or len(handlers) != 1) and not look():
                return self._log(client, method, path, version, status)
            if method not in METHODS:
                method = escape(method)
            return append(render(client, method, path, version, status))

        def look() -> bool:
            nonlocal filters, handlers, looked
            if logger_now != logger_then or handler_now != handler_then:
                if not self._writes_only():
                    return False
                _keep(logger_then, logger_now)
                _keep(handler_then, handler_now)
                filters, handlers = logger.filters, logger.handlers
            if not looked:
                looked = True
                loop.call_soon(end_turn)
            return True

        def end_turn() -> None:
            nonlocal looked
            looked = False
            if len(lines) > LINES:
                self.flush()

        return record

    def _writes_only(self) -> bool:
        """Whether all that happens to a record is that its line is written to the handler's stream."""
        logger, handler = self.logger, self._handler
        return (
            handler is not None
            and logger.isEnabledFor(INFO)
            and logger.handlers == [handler]
            and not (logger.propagate or logger.filters or handler.filters)
            and handler.formatter is self._formatter
            and handler.level <= INFO
        )

    def _log(self, client: str, method: str, path: str, version: str, status: int) -> None:
        """Log a response as everybody does it, behind the lines that wait."""
        self.flush()
        self.logger.info('%s - "%s %s HTTP/%s" %d', client, escape(method), path, version, status)

    def flush(self) -> None:
        """Write what waits. Lines that cannot be written are counted and reported once it works again, or at once."""
        if not self._lines:
            return
        lines = self._lines.copy()
        self._lines.clear()
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


def _keep(then: dict[str, Any], now: dict[str, Any]) -> None:
    """Make `then` what the attributes are now, also when what is in a list or a dict of theirs changes."""
    then.clear()
    then.update((name, value.copy() if type(value) in (list, dict) else value) for name, value in now.items())


def selective(record: Record, excluded: Container[str]) -> Record:
    """Leaves out what succeeds at certain paths: health checks, and whoever collects metrics."""

    def record_others(client: str, method: str, path: str, version: str, status: int) -> None:
        if not left_out(path, status, excluded):
            record(client, method, path, version, status)

    return record_others


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
    return AccessLog(render, excluded_paths(config))
