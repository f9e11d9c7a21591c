"""What the lines look like."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from tricorn.registry import Registry

LOGGERS = ("tricorn", "tricorn.access")


@pytest.fixture
def settings() -> Iterator[SimpleNamespace]:
    """Settings, and the loggers as they were before the test."""
    before = {name: (logging.getLogger(name).handlers, logging.getLogger(name).propagate) for name in LOGGERS}
    yield SimpleNamespace(log_level="info", access_log=True)
    for name, (handlers, propagate) in before.items():
        logging.getLogger(name).handlers, logging.getLogger(name).propagate = handlers, propagate


def test_a_message_is_one_line_of_pairs(settings: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    Registry().load("logging", "example").provider.configure(settings)
    logging.getLogger("tricorn.error").info("Started in %d ms", 7)
    assert capsys.readouterr().err.endswith('level=info message="Started in 7 ms"\n')


def test_a_response_is_one_line_of_pairs(settings: SimpleNamespace) -> None:
    render = Registry().load("logging", "example").provider.access(settings)
    assert render("127.0.0.1:5000", "GET", "/a?b", "1.1", 200) == (
        'level=info client=127.0.0.1:5000 method=GET path="/a?b" version=1.1 status=200'
    )
