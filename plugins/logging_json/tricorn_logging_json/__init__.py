"""Logs of the tricorn server as JSON: one object a line, of everything on the streams of the text log.

Every object has `time` (UTC, RFC 3339), `level`, `logger` and `message`. A record of the access log has `client`,
`method`, `path`, `http_version` and `status`, one of an exception `exception`. What was given as `extra`
keeps its name.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

from tricorn.api import LogProvider, hookimpl
from tricorn.logging import LOGGING_CONFIG
from tricorn.logging import configure as configure_text

tricorn_api = 1

ACCESS = ("client", "method", "path", "http_version", "status")
"""What the arguments of an access record are."""

_USUAL = {*vars(logging.makeLogRecord({})), "message", "asctime", "color_message", "taskName"}


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON; it may be named in a log configuration of one's own."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end. A value that JSON does not know is shown as Python prints it."""
        time = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "time": time,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage().strip(),
        }
        if record.name.endswith(".access") and isinstance(record.args, tuple) and len(record.args) == len(ACCESS):
            line |= zip(ACCESS, record.args, strict=True)
        line |= {name: value for name, value in vars(record).items() if name not in _USUAL}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def configure(settings: Any) -> None:
    """Set up the loggers as the text log does, with this formatter. A `log_config` of one's own is taken as it is.

    Raises ValueError for a format of text.
    """
    if settings.access_log_format:
        raise ValueError("--access-log-format is for lines of text: JSON has a key for each part of a request.")
    config = settings.log_config
    if config == LOGGING_CONFIG:
        formatter = {"()": "tricorn_logging_json.JsonFormatter"}
        config = {**LOGGING_CONFIG, "formatters": dict.fromkeys(LOGGING_CONFIG["formatters"], formatter)}
    configure_text(
        SimpleNamespace(
            log_config=config,
            log_level=settings.log_level,
            log_format=None,
            access_log_format=None,
            use_colors=None,
            access_log=settings.access_log,
        )
    )


def access_renderer(settings: Any) -> Callable[[str, str, str, str, int], str] | None:
    """The line that the formatter would make of an access record, or None where somebody chose another formatter."""
    handlers = logging.getLogger("tricorn.access").handlers
    if len(handlers) != 1 or type(handlers[0].formatter) is not JsonFormatter:
        return None

    def render(client: str, method: str, path: str, version: str, status: int) -> str:
        line = {
            "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            "level": "info",
            "logger": "tricorn.access",
            "message": f'{client} - "{method} {path} HTTP/{version}" {status}',
            "client": client,
            "method": method,
            "path": path,
            "http_version": version,
            "status": status,
        }
        return json.dumps(line, ensure_ascii=False)

    return render


@hookimpl
def tricorn_logging() -> LogProvider:
    """The plugin `json`."""
    return LogProvider(configure, access_renderer)
