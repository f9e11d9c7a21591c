"""Where a thread is, in one line, and in whose code."""

from __future__ import annotations

import sys
import threading
import tokenize

from tricorn.stacks import place_of, place_of_frame

DEADLINE = 30.0


def test_the_innermost_line_of_ones_own_code_is_named() -> None:
    here = sys._getframe()
    line = here.f_lineno + 1
    place = place_of(threading.get_ident())
    expected = "test_the_innermost_line_of_ones_own_code_is_named: place = place_of(threading.get_ident())"
    assert place == f"test_stacks.py:{line} in {expected}"


def test_the_line_of_another_thread_is_that_which_calls_what_it_waits_in() -> None:
    begun, end = threading.Event(), threading.Event()

    def waits() -> None:
        begun.set()
        end.wait(DEADLINE)

    thread = threading.Thread(target=waits)
    thread.start()
    begun.wait(DEADLINE)
    place = place_of(thread.ident or 0)
    end.set()
    thread.join(DEADLINE)
    assert place is not None
    assert " in waits: " in place


def test_where_no_code_is_ones_own_the_innermost_line_is_named() -> None:
    tokens = tokenize.generate_tokens(iter(["a"]).__next__)
    next(tokens)
    place = place_of_frame(tokens.gi_frame)  # type: ignore[attr-defined]
    assert place is not None
    assert place.startswith("tokenize.py:")


def test_a_thread_that_has_ended_is_nowhere() -> None:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join(DEADLINE)
    assert place_of(thread.ident or 0) is None
    assert place_of_frame(None) is None
