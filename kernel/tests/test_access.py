"""The access log: the short way while nobody touched the logger, the long way as soon as somebody did."""

from __future__ import annotations

import io
import logging
from typing import Any

import pytest

from tricorn import Config
from tricorn.access import BUFFER, AccessLog

LINE = ("1.2.3.4:5", "GET", "/", "1.1", 200)
TEXT = 'INFO:     1.2.3.4:5 - "GET / HTTP/1.1" 200 OK\n'


def make() -> tuple[AccessLog, io.StringIO]:
    """The log as a server with the default configuration has it.

    And what it writes to. No fixture: pytest would put its own handlers on a logger that does not propagate when the
    test begins.
    """
    config = Config("app:app", use_colors=False)
    out = io.StringIO()
    handler = logging.getLogger("tricorn.access").handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(out)
    return AccessLog(config.selected["logging"][0].provider.access(config)), out


def test_lines_wait_until_they_are_flushed() -> None:
    access, out = make()
    access(*LINE)
    access(*LINE)
    assert out.getvalue() == ""
    access.flush()
    assert out.getvalue() == TEXT * 2


def test_a_full_buffer_is_written_at_once() -> None:
    access, out = make()
    access("a:1", "GET", "/" + "x" * BUFFER, "1.1", 200)
    assert out.getvalue().endswith("200 OK\n")


def test_control_characters_and_quotes_are_escaped() -> None:
    access, out = make()
    access("a:1", "GET", '/\n"', "1.1", 200)
    access.flush()
    assert out.getvalue() == 'INFO:     a:1 - "GET /%0A%22 HTTP/1.1" 200 OK\n'


def drop(logger: logging.Logger) -> None:
    logger.addFilter(lambda record: record.args[2] != "/health")  # type: ignore[index]


def test_a_filter_added_while_serving_acts_at_the_next_record() -> None:
    access, out = make()
    access(*LINE)
    drop(logging.getLogger("uvicorn.access"))
    access("a:1", "GET", "/health", "1.1", 200)
    access(*LINE)
    assert out.getvalue() == TEXT * 2


@pytest.mark.parametrize("what", ["handler", "handler's filter", "formatter", "propagate"])
def test_whatever_is_put_on_the_logger_sees_every_record(what: str, caplog: pytest.LogCaptureFixture) -> None:
    access, _ = make()
    logger = logging.getLogger("tricorn.access")
    seen: list[Any] = []

    class Keep(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            seen.append(record.args)
            return ""

    if what == "handler":
        handler = logging.StreamHandler(io.StringIO())
        handler.setFormatter(Keep())
        logger.addHandler(handler)
    elif what == "handler's filter":
        logger.handlers[0].addFilter(lambda record: bool(seen.append(record.args)) or True)
    elif what == "formatter":
        logger.handlers[0].setFormatter(Keep())
    else:
        logger.propagate = logging.getLogger("tricorn").propagate = True
    access(*LINE)
    if what == "propagate":
        seen = [record.args for record in caplog.records]
    assert seen == [LINE]


@pytest.mark.parametrize("off", ["level", "disabled", "handler's level"])
def test_a_logger_that_is_off_writes_nothing(off: str) -> None:
    access, out = make()
    logger = logging.getLogger("tricorn.access")
    if off == "level":
        logger.setLevel("WARNING")
    elif off == "disabled":
        logger.disabled = True
    else:
        logger.handlers[0].setLevel("WARNING")
    access(*LINE)
    access.flush()
    assert out.getvalue() == ""


def test_lines_that_cannot_be_written_are_counted_and_told(caplog: pytest.LogCaptureFixture) -> None:
    access, out = make()
    logging.getLogger("tricorn").propagate = True
    handler = logging.getLogger("tricorn.access").handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    closed = io.StringIO()
    closed.close()
    handler.setStream(closed)
    for _ in range(3):
        access(*LINE)
        access.flush()
    handler.setStream(out)
    access(*LINE)
    access.flush()
    assert out.getvalue() == TEXT
    assert [r.getMessage() for r in caplog.records] == [
        "The access log cannot be written: I/O operation on closed file",
        "3 lines of the access log were lost.",
    ]
