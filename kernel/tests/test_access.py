"""The access log: the short way while nobody touched the logger, the long way as soon as somebody did."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tricorn import Config
from tricorn.access import LINES, AccessLog, Record

LINE = ("1.2.3.4:5", "GET", "/", "1.1", 200)
TEXT = 'INFO:     1.2.3.4:5 - "GET / HTTP/1.1" 200 OK\n'


class Made(AccessLog):
    """The log with what a kernel calls, whose responses all come in one turn of the loop until `next_turn`."""

    soon: list[Callable[[], None]]
    record: Record

    def next_turn(self) -> None:
        while self.soon:
            self.soon.pop()()


def make() -> tuple[Made, io.StringIO]:
    """The log as a server with the default configuration has it.

    And what it writes to. No fixture: pytest would put its own handlers on a logger that does not propagate when the
    test begins.
    """
    config = Config("app:app", use_colors=False)
    out = io.StringIO()
    handler = logging.getLogger("tricorn.access").handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(out)
    access = Made(config.selected["logging"][0].provider.access(config))
    access.soon = []
    access.record = access.recorder(cast("asyncio.AbstractEventLoop", SimpleNamespace(call_soon=access.soon.append)))
    return access, out


def test_lines_wait_until_they_are_flushed() -> None:
    access, out = make()
    access.record(*LINE)
    access.record(*LINE)
    assert out.getvalue() == ""
    access.flush()
    assert out.getvalue() == TEXT * 2


def test_many_lines_are_written_when_the_turn_ends() -> None:
    access, out = make()
    for _ in range(LINES):
        access.record(*LINE)
    access.next_turn()
    assert out.getvalue() == ""
    access.record(*LINE)
    access.next_turn()
    assert out.getvalue() == TEXT * (LINES + 1)


@pytest.mark.parametrize("way", ["short", "long"])
def test_a_method_that_an_application_made_up_breaks_no_line(way: str) -> None:
    access, out = make()
    if way == "long":
        drop(access.logger)
    access.record("a:1", 'GE\nT"', "/", "1.1", 200)
    access.record("a:1", "M-SEARCH", "/", "1.1", 200)
    access.flush()
    assert out.getvalue().splitlines() == [
        'INFO:     a:1 - "GE%0AT%22 / HTTP/1.1" 200 OK',
        'INFO:     a:1 - "M-SEARCH / HTTP/1.1" 200 OK',
    ]


def drop(logger: logging.Logger) -> None:
    logger.addFilter(lambda record: record.args[2] != "/health")  # type: ignore[index]


def test_a_filter_added_while_serving_acts_at_the_next_record() -> None:
    access, out = make()
    access.record(*LINE)
    drop(logging.getLogger("uvicorn.access"))
    access.record("a:1", "GET", "/health", "1.1", 200)
    access.record(*LINE)
    assert out.getvalue() == TEXT * 2


def test_one_that_is_put_there_for_a_moment_sees_its_records_alone() -> None:
    access, out = make()
    seen: list[Any] = []

    def see(record: logging.LogRecord) -> bool:
        seen.append(record.args)
        return True

    access.record("a:1", "GET", "/before", "1.1", 200)
    access.logger.addFilter(see)
    access.record(*LINE)
    access.logger.removeFilter(see)
    access.record("a:1", "GET", "/behind", "1.1", 200)
    access.flush()
    assert seen == [LINE]
    assert [line.split()[4] for line in out.getvalue().splitlines()] == ["/before", "/", "/behind"]


def test_looking_at_the_logger_changes_nothing() -> None:
    access, out = make()
    for level in ("DEBUG", "WARNING"):
        access.record(*LINE)
        access.logger.isEnabledFor(getattr(logging, level))
        logging.getLogger("another").setLevel(level)  # empties what all loggers remember
        access.record(*LINE)
    assert out.getvalue() == ""
    access.flush()
    assert out.getvalue() == TEXT * 4


@pytest.mark.parametrize("what", ["handler", "handler's filter", "formatter", "propagate"])
@pytest.mark.parametrize("same_turn", [False, True])
def test_whatever_is_put_on_the_logger_sees_every_record(
    what: str, same_turn: bool, caplog: pytest.LogCaptureFixture
) -> None:
    access, _ = make()
    logger = access.logger
    access.record("a:1", "GET", "/before", "1.1", 200)
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
    if not same_turn:
        access.next_turn()
    access.record(*LINE)
    if what == "propagate":
        seen = [record.args for record in caplog.records]
    assert seen == ([LINE] if what == "handler" or not same_turn else [])
    access.next_turn()
    access.record(*LINE)
    if what == "propagate":
        seen = [record.args for record in caplog.records]
    assert seen[-1:] == [LINE]


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
    access.record(*LINE)
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
        access.record(*LINE)
        access.flush()
    handler.setStream(out)
    access.record(*LINE)
    access.flush()
    assert out.getvalue() == TEXT
    assert [r.getMessage() for r in caplog.records] == [
        "The access log cannot be written: I/O operation on closed file",
        "3 lines of the access log were lost.",
    ]
