"""The suite base: which checks become tests, and what running them without pytest reports."""

from __future__ import annotations

import asyncio

from tricorn.testing.suite import Suite, each, needs, run_suite


class Checks(Suite):
    kind = "http"
    fancy = True

    def check_plain(self) -> None:
        """Passes."""

    async def check_waits(self) -> None:
        await asyncio.sleep(0)

    async def check_fails(self) -> None:
        raise AssertionError("as it should")

    @each(one=1, two=2)
    def check_small(self, number: int) -> None:
        assert number < 2

    @needs("fancy")
    def check_fancy(self) -> None:
        pass


def test_a_suite_without_a_plugin_holds_no_tests() -> None:
    assert not [name for name in dir(Checks) if name.startswith("test_")]


def test_naming_a_plugin_makes_every_check_a_test() -> None:
    mine = type("Mine", (Checks,), {"plugin": ("http", "mine"), "fancy": False})
    assert [name for name in sorted(dir(mine)) if name.startswith("test_")] == [
        "test_fails",
        "test_plain",
        "test_small[one]",
        "test_small[two]",
        "test_waits",
    ]


def test_running_a_suite_reports_each_check_and_its_error() -> None:
    mine = type("Mine", (Checks,), {"plugin": ("http", "mine")})
    outcomes = {outcome.name: outcome.error for outcome in run_suite(mine)}
    assert sorted(name for name, error in outcomes.items() if error is None) == [
        "fancy",
        "plain",
        "small[one]",
        "waits",
    ]
    assert str(outcomes["fails"]) == "as it should"
    assert isinstance(outcomes["small[two]"], AssertionError)


class TestThroughPytest(Suite):
    plugin = "http", "none"

    def check_collected(self) -> None:
        assert self.plugin == ("http", "none")
