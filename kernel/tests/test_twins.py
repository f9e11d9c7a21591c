"""What a program puts on uvicorn's loggers acts on tricorn's, whenever it does so."""

from __future__ import annotations

import io
import logging
import logging.config
import subprocess
import sys

import pytest

from tricorn.twins import PAIRS, share


@pytest.mark.parametrize(("theirs", "ours"), PAIRS.items())
def test_both_names_are_one_logger(theirs: str, ours: str) -> None:
    share()
    handler, rule = logging.NullHandler(), logging.Filter()
    logging.getLogger(theirs).addHandler(handler)
    logging.getLogger(ours).addFilter(rule)
    assert handler in logging.getLogger(ours).handlers
    assert rule in logging.getLogger(theirs).filters
    logging.getLogger(theirs).setLevel(logging.ERROR)
    assert not logging.getLogger(ours).isEnabledFor(logging.WARNING)
    logging.getLogger(theirs).setLevel(logging.INFO)
    assert logging.getLogger(ours).isEnabledFor(logging.INFO)


def test_a_logger_can_be_disabled_by_the_program() -> None:
    share()
    logging.getLogger("uvicorn.access").disabled = True
    assert not logging.getLogger("tricorn.access").isEnabledFor(logging.CRITICAL)
    logging.getLogger("uvicorn.access").disabled = False


@pytest.mark.parametrize("named", ["uvicorn.error", "tricorn.error", "somebody"])
def test_a_configuration_that_disables_what_it_does_not_name_leaves_them_on(named: str) -> None:
    share()
    stream = io.StringIO()
    logging.config.dictConfig(
        {
            "version": 1,
            "handlers": {"h": {"class": "logging.StreamHandler", "stream": stream}},
            "loggers": {named: {"handlers": ["h"], "level": "INFO"}},
        }
    )
    assert not logging.getLogger("tricorn.error").disabled
    if named != "somebody":
        logging.getLogger("tricorn.error").info("hello")
        assert stream.getvalue() == "hello\n"


BEFORE = """
import logging, sys
early = logging.getLogger("uvicorn.access")          # held by the program before tricorn comes
child = logging.getLogger("uvicorn.error.mine")      # and one below a name that nobody has used
records = []
class Keep(logging.Handler):
    def emit(self, record): records.append(record.getMessage())
keep = Keep()
early.addHandler(keep)
early.addFilter(lambda record: "/health" not in record.args)
early.setLevel("INFO")
from tricorn import Config
Config("app:app", log_config=None)
access = logging.getLogger("tricorn.access")
for path in ("/", "/health"):
    access.info("%s %s", "GET", path)
early.addFilter(lambda record: "/late" not in record.args)
access.info("%s %s", "GET", "/late")
early.removeHandler(keep)
access.info("%s %s", "GET", "/gone")
logging.getLogger("tricorn.error").addHandler(keep)
child.error("below")
print(records, logging.getLogger("uvicorn.access") is early)
"""


def test_a_logger_that_the_program_held_before_is_taken_over() -> None:
    done = subprocess.run([sys.executable, "-c", BEFORE], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "['GET /', 'below'] True\n"
