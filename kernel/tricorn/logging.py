"""Logging as text: the formatters, the default configuration, and the plugin `text` that puts them to use.

The formats and the records are uvicorn's, because filters and log processors are written against them: a record of
`tricorn.access` has `args == (client_addr, method, full_path, http_version, status)`.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from copy import copy, deepcopy
from http import HTTPStatus
from importlib import import_module
from typing import Any, Literal

from tricorn.api import LogProvider, hookimpl
from tricorn.log_formats import STAMP, TIME_FORMAT, escape, formatted, stamped

__all__ = ["LOGGING_CONFIG", "TRACE_LOG_LEVEL", "AccessFormatter", "ColourizedFormatter", "DefaultFormatter"]

tricorn_api = 1

TRACE_LOG_LEVEL = 5

LOG_LEVELS: dict[str, int] = {
    "critical": logging.CRITICAL,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": TRACE_LOG_LEVEL,
}

DEFAULT_FORMAT = "%(levelprefix)s %(message)s"
ACCESS_FORMAT = '%(levelprefix)s %(client_addr)s - "%(request_line)s" %(status_code)s'

LOGGING_CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "default": {
            "()": "tricorn.logging.DefaultFormatter",
            "fmt": DEFAULT_FORMAT,
            "use_colors": None,
        },
        "access": {
            "()": "tricorn.logging.AccessFormatter",
            "fmt": ACCESS_FORMAT,
        },
    },
    "handlers": {
        "default": {"formatter": "default", "class": "logging.StreamHandler", "stream": "ext://sys.stderr"},
        "access": {"formatter": "access", "class": "logging.StreamHandler", "stream": "ext://sys.stdout"},
    },
    "loggers": {
        "tricorn": {"handlers": ["default"], "level": "INFO", "propagate": False},
        "tricorn.error": {"level": "INFO"},
        "tricorn.access": {"handlers": ["access"], "level": "INFO", "propagate": False},
    },
}

_UNCHANGED = deepcopy(LOGGING_CONFIG)
"""To see whether somebody has changed the default."""

_COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "cyan": 36, "bright_red": 91, "bright_white": 97}
_LEVEL_COLOURS = {
    TRACE_LOG_LEVEL: "blue",
    logging.DEBUG: "cyan",
    logging.INFO: "green",
    logging.WARNING: "yellow",
    logging.ERROR: "red",
    logging.CRITICAL: "bright_red",
}
_STATUS_COLOURS = {1: "bright_white", 2: "green", 3: "yellow", 4: "red", 5: "bright_red"}

STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


def style(text: str, fg: str | None = None, bold: bool = False) -> str:
    """The text between the escape sequences of a colour or of bold type and of the way back."""
    colour = f"\033[{_COLOURS[fg]}m" if fg is not None else ""
    return f"{colour}{chr(27) + '[1m' if bold else ''}{text}\033[0m"


def isatty(stream: Any) -> bool:
    """Whether a standard stream is a terminal; a program without a console has None for a stream."""
    return stream is not None and bool(stream.isatty())


class ColourizedFormatter(logging.Formatter):
    """Adds `levelprefix` (the level, padded so that every message starts in the same column) to a record.

    use_colors: None asks the stream. With colours, a record's `color_message` stands for its message.
    """

    def __init__(
        self,
        fmt: str | None = None,
        datefmt: str | None = None,
        style: Literal["%", "{", "$"] = "%",
        use_colors: bool | None = None,
    ) -> None:
        self.use_colors = self.should_use_colors() if use_colors is None else bool(use_colors)
        super().__init__(fmt=fmt, datefmt=datefmt, style=style)

    def should_use_colors(self) -> bool:
        """Whether the stream that the records go to is a terminal."""
        return isatty(sys.stdout)

    def color_level_name(self, level_name: str, level_no: int) -> str:
        """The level's name in its colour."""
        colour = _LEVEL_COLOURS.get(level_no)
        return style(level_name, colour) if colour else level_name

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line of a record; the record itself stays as it is for the other handlers."""
        record = copy(record)
        name = record.levelname
        padding = " " * (8 - len(name))
        if self.use_colors:
            name = self.color_level_name(name, record.levelno)
            if "color_message" in record.__dict__:
                record.msg = record.__dict__["color_message"]
                record.message = record.getMessage()
        record.levelprefix = f"{name}:{padding}"
        return super().formatMessage(record)


class DefaultFormatter(ColourizedFormatter):
    """The formatter of everything but the access log; it goes to the standard error stream."""

    def should_use_colors(self) -> bool:
        """Whether the standard error stream is a terminal."""
        return isatty(sys.stderr)


class AccessFormatter(ColourizedFormatter):
    """Adds `client_addr`, `request_line` and `status_code` from the arguments of an access record."""

    def get_status_code(self, status_code: int) -> str:
        """The status with its phrase, which is empty for a code without a name."""
        text = STATUS_LINES.get(status_code) or f"{status_code} "
        colour = _STATUS_COLOURS.get(status_code // 100) if self.use_colors else None
        return style(text, colour) if colour else text

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line of an access record."""
        record = copy(record)
        args: Any = record.args
        client, method, path, version, status = args
        line = f"{escape(str(method))} {escape(str(path))} HTTP/{version}"
        record.client_addr = client
        record.request_line = style(line, bold=True) if self.use_colors else line
        record.status_code = self.get_status_code(int(status))
        return super().formatMessage(record)


# --- The plugin ---------------------------------------------------------------------------------------------------


def configure(settings: Any) -> None:
    """Set up the loggers as `log_config`, the formats, `log_level`, `use_colors` and `access_log` say.

    `log_config=None` leaves them alone. Raises OSError, ValueError or ImportError for a file that cannot be used.
    """
    logging.addLevelName(TRACE_LOG_LEVEL, "TRACE")
    config = formatted(_read(settings.log_config), settings.log_format, settings.access_log_format)
    if config is not None:
        _apply(config, settings.use_colors)
    if settings.log_level is not None:
        level = settings.log_level
        if isinstance(level, str):
            level = LOG_LEVELS[level.lower()]
        for name in ("error", "access", "asgi"):
            logging.getLogger(f"tricorn.{name}").setLevel(level)
    if settings.access_log is False:
        access = logging.getLogger("tricorn.access")
        access.handlers = []
        access.propagate = False


def _apply(config: Any, use_colors: bool | None) -> None:
    if use_colors is None and config == _UNCHANGED:
        return _apply_default()

    from logging.config import dictConfig, fileConfig

    if not isinstance(config, dict):
        import configparser

        try:
            return fileConfig(config, disable_existing_loggers=False)
        except (KeyError, RuntimeError, configparser.Error) as error:
            raise ValueError(f"{config} is no log configuration: {' '.join(str(error).split())}") from error
    formatters = config.get("formatters", {})
    if use_colors is not None:
        for name in ("default", "access"):
            if name in formatters:
                formatters[name]["use_colors"] = use_colors
    ours = {name: {key: _renamed(value) for key, value in entry.items()} for name, entry in formatters.items()}
    return dictConfig({**config, "formatters": ours})


def _apply_default() -> None:
    """Do what `dictConfig` does with `LOGGING_CONFIG`, without the time that importing `logging.config` takes."""
    loggers = logging.root.manager.loggerDict
    for name in [name for name in loggers if name.startswith("tricorn.")]:
        _set_up(name, logging.NOTSET)
    _set_up("tricorn", logging.INFO, "default", DefaultFormatter(DEFAULT_FORMAT), sys.stderr)
    _set_up("tricorn.error", logging.INFO)
    _set_up("tricorn.access", logging.INFO, "access", AccessFormatter(ACCESS_FORMAT), sys.stdout)


def _set_up(
    name: str, level: int, handler: str | None = None, formatter: logging.Formatter | None = None, stream: Any = None
) -> None:
    logger = logging.getLogger(name)
    logger.setLevel(level)
    logger.disabled = False
    logger.handlers = []
    logger.propagate = handler is None
    if handler is not None:
        made = logging.StreamHandler(stream)
        made.set_name(handler)
        made.setFormatter(formatter)
        logger.addHandler(made)


def _renamed(value: Any) -> Any:
    """uvicorn's formatters are ours, also where it is not installed."""
    return value.replace("uvicorn.", "tricorn.", 1) if str(value).startswith("uvicorn.logging.") else value


def _read(config: Any) -> Any:
    """A configuration as a dict, or what `fileConfig` takes."""
    if isinstance(config, os.PathLike):
        config = os.fspath(config)
    if not isinstance(config, str):
        return config
    if not os.path.isfile(config):
        raise FileNotFoundError(f"there is no file {config!r} (--log-config).")
    if config.endswith(".json"):
        import json

        with open(config, encoding="utf-8") as file:
            try:
                return json.load(file)
            except ValueError as error:
                raise ValueError(f"{config} is no JSON: {error}") from error
    if config.endswith((".yaml", ".yml")):
        try:
            yaml: Any = import_module("yaml")
        except ImportError as error:
            raise ImportError(f"{config} needs the package PyYAML: pip install pyyaml.") from error
        with open(config, encoding="utf-8") as file:
            try:
                return yaml.safe_load(file)
            except yaml.YAMLError as error:
                raise ValueError(f"{config} is no YAML: {' '.join(str(error).split())}") from error
    return config


def access_renderer(settings: Any) -> Callable[[str, str, str, str, int], str] | None:
    """The line that the access handler would write, or None where somebody chose another format."""
    handlers = logging.getLogger("tricorn.access").handlers
    formatter = handlers[0].formatter if len(handlers) == 1 else None
    if type(formatter) is not AccessFormatter:
        return None
    if formatter._fmt == STAMP + ACCESS_FORMAT and formatter.datefmt == TIME_FORMAT:
        return stamped(_renderer(formatter))
    return _renderer(formatter) if formatter._fmt == ACCESS_FORMAT else None


def _renderer(formatter: AccessFormatter) -> Callable[[str, str, str, str, int], str]:
    """What makes the lines of `ACCESS_FORMAT`."""
    if not formatter.use_colors:
        lines = STATUS_LINES

        def plain(client: str, method: str, path: str, version: str, status: int) -> str:
            return f'INFO:     {client} - "{method} {path} HTTP/{version}" {lines.get(status) or f"{status} "}'

        return plain

    prefix = formatter.color_level_name("INFO", logging.INFO) + ":    "

    def coloured(client: str, method: str, path: str, version: str, status: int) -> str:
        line = style(f"{method} {path} HTTP/{version}", bold=True)
        return f'{prefix} {client} - "{line}" {formatter.get_status_code(status)}'

    return coloured


@hookimpl
def tricorn_logging() -> LogProvider:
    """The plugin `text`."""
    return LogProvider(configure, access_renderer)
