"""uvicorn's logger names as further names of tricorn's loggers.

Programs silence health checks with a filter on `uvicorn.access`, add JSON handlers to `uvicorn.error`, or set levels.
So that all of it still acts, before the loggers are configured or after, both names lead to one logger.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

PAIRS = {f"uvicorn{part}": f"tricorn{part}" for part in ("", ".error", ".access", ".asgi")}


class SharedLogger(logging.Logger):
    """A logger with two names, which `logging.config` would switch off under the one that a configuration omits."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "disabled" and value and sys._getframe(1).f_globals.get("__name__") == "logging.config":
            return
        super().__setattr__(name, value)


def share() -> None:
    """Make the loggers `uvicorn*` and `tricorn*` the same, with what was put on either. May be called again."""
    for theirs, ours in PAIRS.items():
        logger = logging.getLogger(ours)
        if type(logger) is logging.Logger:
            logger.__class__ = SharedLogger
        twin = logging.getLogger(theirs)
        if twin.__dict__ is not logger.__dict__:
            _unite(twin, logger)


def _unite(twin: logging.Logger, logger: logging.Logger) -> None:
    """Let a logger, which somebody may hold, share the state of ours, and ours have what was put on it."""
    for handler in twin.handlers:
        logger.addHandler(handler)
    for entry in twin.filters:
        logger.addFilter(entry)
    if twin.level:
        logger.setLevel(twin.level)
    logger.disabled = logger.disabled or twin.disabled
    logger.propagate = logger.propagate and twin.propagate
    twin.__dict__ = logger.__dict__
    if type(twin) is logging.Logger:
        twin.__class__ = SharedLogger
