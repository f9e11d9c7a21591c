"""The order of a rolling restart, step by step, without processes."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tricorn_supervisor_workers.rolling import RollingRestart


class Worker:
    """What a restart sees of a process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.ready = False
        self.exitcode: int | None = None
        self.ended = False

    def kill(self) -> None:
        self.ended = True

    def join(self) -> None:
        assert self.ended

    def close(self) -> None:
        assert self.ended


class Slots:
    """Who serves, and what has been started."""

    def __init__(self, *workers: Any) -> None:
        self.serving: list[Any] = list(workers)
        self.started: list[Any] = []
        self.restart = RollingRestart(self.start, self.replace)

    def start(self) -> Any:
        self.started.append(Worker(100 + len(self.started)))
        return self.started[-1]

    def replace(self, old: Any, successor: Any) -> None:
        self.serving[self.serving.index(old)] = successor

    def advance(self, timeout: float = 30.0) -> None:
        self.restart.advance(self.serving, timeout)


def test_the_next_worker_is_replaced_when_the_successor_of_the_one_before_is_ready() -> None:
    first, second = Worker(1), Worker(2)
    slots = Slots(first, second)
    slots.restart.begin(slots.serving)
    slots.advance()
    slots.advance()
    assert len(slots.started) == 1
    assert slots.serving == [first, second]
    slots.started[0].ready = True
    slots.advance()
    assert slots.serving == [slots.started[0], second]
    slots.started[1].ready = True
    slots.advance()
    assert slots.serving == slots.started
    slots.advance()
    assert slots.restart.successor is None


def test_a_worker_that_has_gone_meanwhile_gets_no_successor() -> None:
    slots = Slots(Worker(1), Worker(2))
    slots.restart.begin(slots.serving)
    slots.serving = slots.serving[1:]
    slots.advance()
    slots.started[0].ready = True
    slots.advance()
    assert slots.serving == slots.started


def test_asking_twice_replaces_each_worker_once() -> None:
    slots = Slots(Worker(1))
    slots.restart.begin(slots.serving)
    slots.restart.begin(slots.serving)
    slots.advance()
    slots.started[0].ready = True
    slots.advance()
    assert len(slots.started) == 1


def test_a_successor_that_is_late_ends_the_restart(caplog: pytest.LogCaptureFixture) -> None:
    slots = Slots(Worker(1), Worker(2))
    slots.restart.begin(slots.serving)
    slots.advance(timeout=-1.0)
    with caplog.at_level(logging.ERROR, "tricorn.error"):
        slots.advance()
    assert slots.started[0].ended
    assert [worker.pid for worker in slots.serving] == [1, 2]
    assert "New child process [100] was not ready in time; keeping worker [1]" in caplog.text
    slots.advance()
    assert len(slots.started) == 1
