"""Formatters, configuration files of every kind, and the renderer of access lines."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tricorn import Config
from tricorn.logging import (
    LOGGING_CONFIG,
    TRACE_LOG_LEVEL,
    AccessFormatter,
    ColourizedFormatter,
    DefaultFormatter,
    access_renderer,
    configure,
    escape,
)

ACCESS = '%(levelprefix)s %(client_addr)s - "%(request_line)s" %(status_code)s'
FORMAT = '%s - "%s %s HTTP/%s" %d'
CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "CUSTOM %(message)s"}},
    "handlers": {"plain": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stdout"}},
    "loggers": {"tricorn.error": {"handlers": ["plain"], "level": "INFO", "propagate": False}},
}
INI = """
[loggers]
keys=root,error
[handlers]
keys=plain
[formatters]
keys=plain
[logger_root]
handlers=
[logger_error]
qualname=tricorn.error
handlers=plain
level=INFO
propagate=0
[handler_plain]
class=StreamHandler
formatter=plain
args=(sys.stdout,)
[formatter_plain]
format=CUSTOM %(message)s
"""


def record(level: int, message: str, *args: Any, **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("tricorn.error", level, __file__, 1, message, args, None)
    made.__dict__.update(extra)
    return made


@pytest.mark.parametrize(
    ("level", "prefix"),
    [
        (logging.INFO, "INFO:     "),
        (logging.WARNING, "WARNING:  "),
        (logging.ERROR, "ERROR:    "),
        (logging.DEBUG, "DEBUG:    "),
        (logging.CRITICAL, "CRITICAL: "),
    ],
)
def test_every_message_starts_in_the_tenth_column(level: int, prefix: str) -> None:
    formatter = DefaultFormatter("%(levelprefix)s %(message)s", use_colors=False)
    assert formatter.format(record(level, "x")) == f"{prefix}x"


def test_colours_are_in_the_level_and_in_the_coloured_message() -> None:
    formatter = DefaultFormatter("%(levelprefix)s %(message)s", use_colors=True)
    text = formatter.format(record(logging.INFO, "pid [%d]", 7, color_message="pid [\033[36m%d\033[0m]"))
    assert text == "\033[32mINFO\033[0m:     pid [\033[36m7\033[0m]"


@pytest.mark.parametrize(("status", "text"), [(200, "200 OK"), (404, "404 Not Found"), (599, "599 ")])
def test_an_access_record_becomes_uvicorns_line(status: int, text: str) -> None:
    made = logging.LogRecord(
        "tricorn.access", logging.INFO, __file__, 1, FORMAT, ("1.2.3.4:5", "GET", "/a?b=c", "1.1", status), None
    )
    line = AccessFormatter(ACCESS, use_colors=False).format(made)
    assert line == f'INFO:     1.2.3.4:5 - "GET /a?b=c HTTP/1.1" {text}'
    assert made.args == ("1.2.3.4:5", "GET", "/a?b=c", "1.1", status)


def test_what_came_from_a_client_cannot_forge_a_line() -> None:
    assert escape('/a"\n\x1b[31mé') == "/a%22%0A%1B[31mé"


def test_a_program_without_a_console_gets_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert not ColourizedFormatter().use_colors
    assert not DefaultFormatter().use_colors


@pytest.mark.parametrize("kind", ["json", "yaml", "ini", "dict", "path"])
def test_the_log_is_configured_from(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    file = tmp_path / f"log.{kind}"
    file.write_text(INI if kind == "ini" else json.dumps(CONFIG))
    value: Any = CONFIG if kind == "dict" else file if kind == "path" else str(file)
    if kind == "path":
        file = file.rename(tmp_path / "log.json")
        value = file
    Config("app:app", log_config=value)
    logging.getLogger("tricorn.error").info("hello")
    assert out.getvalue() == "CUSTOM hello\n"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("none.json", None, "there is no file '.*none.json' \\(--log-config\\)"),
        ("bad.json", "{", "bad.json is no JSON: Expecting"),
        ("bad.yaml", "a: [", "bad.yaml is no YAML: while parsing"),
        ("bad.ini", "x", "bad.ini is no log configuration: .*no section headers"),
        ("empty.ini", "[a]\n", "empty.ini is no log configuration: 'formatters'"),
        ("class.json", '{"version": 1, "handlers": {"a": {"class": "no.such"}}}', "Unable to configure handler 'a'"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(
    name: str, text: str | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(SystemExit) as caught:
        Config("app:app", log_config=str(tmp_path / name))
    assert caught.value.code == 3
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert re.search(f"^ERROR:    The log cannot be configured: .*{message}", said)


def test_no_configuration_touches_nothing() -> None:
    logger = logging.getLogger("tricorn.error")
    handler = logging.NullHandler()
    logger.addHandler(handler)
    before = (list(logger.handlers), logger.level, logger.propagate)
    Config("app:app", log_config=None)
    assert (logger.handlers, logger.level, logger.propagate) == before


def test_levels_names_and_numbers() -> None:
    Config("app:app", log_config=None, log_level="trace")
    assert logging.getLogger("tricorn.asgi").level == TRACE_LOG_LEVEL
    Config("app:app", log_config=None, log_level=logging.WARNING)
    assert logging.getLogger("tricorn.access").level == logging.WARNING


def test_the_access_log_can_be_off() -> None:
    Config("app:app", access_log=False)
    logger = logging.getLogger("tricorn.access")
    assert (logger.handlers, logger.propagate) == ([], False)


def test_use_colors_goes_into_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LOGGING_CONFIG["formatters"]["default"], "use_colors", None)
    monkeypatch.setitem(LOGGING_CONFIG["formatters"]["access"], "use_colors", None)
    Config("app:app", use_colors=True)
    formatter = logging.getLogger("tricorn").handlers[0].formatter
    assert isinstance(formatter, DefaultFormatter)
    assert formatter.use_colors


def test_uvicorns_formatters_in_a_configuration_are_ours() -> None:
    formatters = {"default": {"()": "uvicorn.logging.DefaultFormatter", "fmt": "%(message)s"}}
    handlers = {"default": {"class": "logging.StreamHandler", "formatter": "default"}}
    loggers = {"uvicorn": {"handlers": ["default"], "level": "INFO"}}
    Config("app:app", log_config={**CONFIG, "formatters": formatters, "handlers": handlers, "loggers": loggers})
    assert type(logging.getLogger("tricorn").handlers[0].formatter) is DefaultFormatter


def test_the_renderer_writes_what_the_formatter_would() -> None:
    config = Config("app:app", use_colors=False)
    render = access_renderer(config)
    assert render is not None
    assert render("a:1", "GET", "/", "1.1", 200) == 'INFO:     a:1 - "GET / HTTP/1.1" 200 OK'


def test_there_is_no_renderer_for_another_format() -> None:
    config = Config("app:app")
    logging.getLogger("tricorn.access").handlers[0].setFormatter(logging.Formatter("%(message)s"))
    assert access_renderer(config) is None


def handler_state(handler: Any) -> tuple[Any, ...]:
    formatter = handler.formatter
    return (type(handler), handler.name, handler.level, handler.stream, type(formatter), vars(formatter).keys(),
            formatter._fmt, formatter.use_colors)  # fmt: skip


def test_the_default_configuration_is_what_dictconfig_makes_of_it() -> None:
    def state() -> list[tuple[Any, ...]]:
        names = ("tricorn", "tricorn.error", "tricorn.access", "tricorn.asgi")
        loggers = [logging.getLogger(name) for name in names]
        return [(x.level, x.propagate, x.disabled, [handler_state(handler) for handler in x.handlers]) for x in loggers]

    def configured(how: Callable[[], None]) -> list[tuple[Any, ...]]:
        logging.getLogger("tricorn.asgi").setLevel(TRACE_LOG_LEVEL)
        logging.getLogger("tricorn.error").addHandler(logging.NullHandler())
        how()
        return state()

    settings = SimpleNamespace(
        log_config=LOGGING_CONFIG,
        log_level=None,
        log_format=None,
        access_log_format=None,
        use_colors=None,
        access_log=True,
    )
    ours = configured(lambda: configure(settings))
    assert ours == configured(lambda: logging.config.dictConfig(LOGGING_CONFIG))
