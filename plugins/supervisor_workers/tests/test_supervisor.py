"""When the parent pauses before it starts the next worker."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest

from tricorn.config import Config
from tricorn_supervisor_workers import Multiprocess


class Ended:
    """A worker that has ended. seconds: how long it had served, None for not at all."""

    pid = 7
    exitcode = -9
    leaving = False

    def __init__(self, seconds: float | None) -> None:
        self.born = 0.0 if seconds is None else time.monotonic() - seconds

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def parent() -> Multiprocess:
    return Multiprocess(Config("tests.apps.worker:app", workers=2, log_config=None))


def end(parent: Multiprocess, *workers: Any) -> None:
    for worker in workers:
        parent.processes.append(worker)
        parent._ended(worker, "test")


def test_the_first_workers_that_end_early_are_replaced_at_once(parent: Multiprocess) -> None:
    end(parent, *(Ended(None) for _ in range(3)))
    assert parent._pause_until == 0.0


def test_the_pauses_grow_while_workers_keep_ending_early(
    parent: Multiprocess, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "tricorn.error"):
        end(parent, *(Ended(1.0) for _ in range(20)))
    pauses = [record.args[0] for record in caplog.records if isinstance(record.args, tuple)]
    assert pauses[0] == 1.0
    assert pauses == sorted(pauses)
    assert pauses[-1] == 30.0


def test_a_worker_that_had_served_for_long_ends_the_series(parent: Multiprocess) -> None:
    end(parent, *(Ended(None) for _ in range(6)))
    pause = parent._pause_until
    assert pause > time.monotonic()
    end(parent, Ended(60.0), Ended(None))
    assert parent._pause_until == pause


@pytest.mark.parametrize(("status", "stops"), [(3, True), (1, True), (0, False), (-9, False)])
def test_what_ends_before_any_worker_has_served_stops_the_parent_unless_it_was_killed(
    parent: Multiprocess, status: int, stops: bool
) -> None:
    worker: Any = Ended(None)
    worker.exitcode = status
    end(parent, worker)
    assert parent.should_exit.is_set() == stops
    assert parent.status == (3 if stops else 0)


def test_a_worker_that_ended_as_it_said_has_not_died(parent: Multiprocess, caplog: pytest.LogCaptureFixture) -> None:
    worker: Any = Ended(1.0)
    worker.exitcode, worker.leaving = 0, True
    with caplog.at_level(logging.INFO, "tricorn.error"):
        end(parent, worker)
    assert not caplog.records
    assert parent.processes == []


def test_sockets_may_stand_in_the_place_of_the_target() -> None:
    config = Config("tests.apps.worker:app", workers=2, log_config=None)
    assert Multiprocess(config, [])._sockets == []
    assert Multiprocess(config, print, [])._sockets == []
    assert Multiprocess(config)._sockets is None
