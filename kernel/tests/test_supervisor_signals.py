"""Signals are kept in their order until there is time for them, and the old handlers come back."""

from __future__ import annotations

import select
import signal
import threading

from tricorn.supervisors.process import nested, reason
from tricorn.supervisors.signals import Signals

DEADLINE = 30.0


def test_signals_are_taken_in_their_order_and_make_the_descriptor_readable() -> None:
    signals = Signals(["SIGUSR1", "SIGUSR2", "SIGNOSUCH"])
    with signals.handled():
        assert list(signals.take()) == []
        signal.raise_signal(signal.SIGUSR2)
        signal.raise_signal(signal.SIGUSR1)
        assert select.select([signals], [], [], DEADLINE)[0] == [signals]
        assert list(signals.take()) == ["SIGUSR2", "SIGUSR1"]
        assert select.select([signals], [], [], 0)[0] == []


def test_the_old_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    with Signals(["SIGUSR1"]).handled():
        assert signal.getsignal(signal.SIGUSR1) != before
    assert signal.getsignal(signal.SIGUSR1) == before


def test_in_another_thread_no_handler_is_touched() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    seen = []

    def handle() -> None:
        with Signals(["SIGUSR1"]).handled():
            seen.append(signal.getsignal(signal.SIGUSR1))

    thread = threading.Thread(target=handle)
    thread.start()
    thread.join(DEADLINE)
    assert seen == [before]


def test_the_end_of_a_process_is_told_with_its_signal() -> None:
    assert reason(1) == "exit status 1"
    assert reason(-signal.SIGSEGV) == "killed by SIGSEGV"
    assert reason(-signal.SIGKILL) == "killed by SIGKILL, as the system does when memory runs out"
    assert reason(-200) == "killed by signal 200"


def test_a_process_that_was_not_spawned_is_not_nested() -> None:
    assert not nested()
