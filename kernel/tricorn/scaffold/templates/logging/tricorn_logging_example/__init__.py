"""Log lines as pairs of a key and a value."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Any

from tricorn.api import LogProvider, hookimpl

tricorn_api = 1


class ExampleFormatter(logging.Formatter):
    """`time=... level=... message="..."`"""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record; a traceback follows it."""
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        line = f'time={when} level={record.levelname.lower()} message="{record.getMessage()}"'
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(settings: Any) -> None:
    """Set up the server's loggers: errors to the standard error stream, the access log to standard output."""
    for name, stream in (("tricorn", sys.stderr), ("tricorn.access", sys.stdout)):
        handler = logging.StreamHandler(stream)
        handler.setFormatter(ExampleFormatter())
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel((settings.log_level or "info").upper())
    if not settings.access_log:
        logging.getLogger("tricorn.access").handlers = []


def access(settings: Any) -> Callable[[str, str, str, str, int], str]:
    """What renders one line of the access log; called for every response, so it is worth being quick."""

    def line(client: str, method: str, path: str, version: str, status: int) -> str:
        return f'level=info client={client} method={method} path="{path}" version={version} status={status}'

    return line


@hookimpl
def tricorn_logging() -> LogProvider:
    """The server's log."""
    return LogProvider(configure, access)
