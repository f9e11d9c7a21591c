"""`tricorn plugins`: what it says about each plugin, importing only what `auto` tries."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from tricorn.api import Row
from tricorn.listing import drawn, table
from tricorn.registry import PluginError, Registry

Install = Callable[..., None]
UNAVAILABLE = """
from tricorn.api import Unavailable
raise Unavailable("the library quick is missing")
"""
BUNDLE = """
from tricorn.api import hookimpl
tricorn_api = 1
@hookimpl
def tricorn_defaults():
    return {"http": ["fast", "h11"], "plugin": ["gauges"]}
"""


def verdicts(**values: Any) -> dict[tuple[str, str], tuple[bool, str]]:
    """What is said about every plugin, when these options are given."""
    return {(row["kind"], row["name"]): (row["selected"], row["reason"]) for row in table(Registry(), values)}


def test_the_first_of_the_preferred_is_selected_and_the_next_when_it_is_unavailable() -> None:
    said = verdicts()
    assert said["loop", "uvloop"] == (True, "first of the kernel's preference")
    assert said["loop", "asyncio"] == (False, "used when uvloop is unavailable")


@pytest.mark.parametrize("name", ["asyncio", "uvloop"])
def test_an_option_selects(name: str) -> None:
    said = verdicts(loop=name)
    for other in ("asyncio", "uvloop"):
        reason = f"--loop {name}" if other == name else f"not chosen: --loop {name}"
        assert said["loop", other] == (other == name, reason)


def test_several_http_plugins_can_be_selected() -> None:
    said = verdicts(http="h11, httptools")
    assert said["http", "h11"][0]
    assert said["http", "httptools"][0]


def test_supervisors_are_used_as_their_options_ask() -> None:
    said = verdicts()
    assert said["supervisor", "single"] == (True, "one process serves by default")
    assert said["supervisor", "workers"] == (False, "used with --workers 2")
    assert verdicts(supervisor="reload")["supervisor", "reload"] == (True, "--supervisor reload")


def test_interfaces_and_listeners_depend_on_application_and_address() -> None:
    said = verdicts()
    assert said["interface", "asgi3"] == (True, "used when the application asks for it")
    assert said["listener", "unix"] == (True, "used when the address asks for it")
    assert verdicts(interface="wsgi")["interface", "asgi3"] == (False, "--interface wsgi")


def test_a_bundle_and_what_it_switches_on(install: Install) -> None:
    install("acme", "3.0", {"tricorn.bundle": {"acme": "acme_bundle"}}, acme_bundle=BUNDLE)
    install(
        "acme-parts",
        "1.0",
        {"tricorn.http": {"fast": "acme_fast"}, "tricorn.plugin": {"gauges": "acme_gauges", "other": "acme_other"}},
        **dict.fromkeys(("acme_gauges", "acme_other"), ""),
        acme_fast="raise SystemExit",
    )
    said = verdicts(plugins=["other"])
    assert said["bundle", "acme"] == (True, "bundles are on when installed")
    assert said["http", "fast"] == (True, "first of acme 3.0")
    assert said["http", "httptools"] == (False, "not among acme 3.0; --http httptools picks it")
    assert said["plugin", "gauges"] == (True, "switched on by acme 3.0")
    assert said["plugin", "other"] == (True, "--plugin")
    assert verdicts()["plugin", "other"] == (False, "off until --plugin other")
    assert not {"acme_gauges", "acme_other"} & set(sys.modules)


def test_what_auto_passes_over_gives_its_reason(install: Install) -> None:
    install("acme", "3.0", {"tricorn.bundle": {"acme": "acme_bundle"}}, acme_bundle=BUNDLE)
    install("acme-fast", "1.0", {"tricorn.http": {"fast": "acme_fast"}}, acme_fast=UNAVAILABLE)
    said = verdicts()
    assert said["http", "fast"] == (False, "unavailable: the library quick is missing")
    assert said["http", "h11"] == (True, "first of acme 3.0 that works")


def test_two_distributions_with_one_name_are_both_refused(install: Install) -> None:
    for name in ("acme-one", "acme-two"):
        install(name, "1.0", {"tricorn.ws": {"same": "acme"}})
    rows = [row for row in table(Registry(), {}) if row["name"] == "same"]
    assert [row["selected"] for row in rows] == [False, False]
    assert {row["reason"] for row in rows} == {"the name is claimed by acme-one 1.0 and acme-two 1.0"}


def test_bundles_that_disagree_are_an_error(install: Install) -> None:
    for number, name in enumerate(("h11", "httptools")):
        source = BUNDLE.replace('["fast", "h11"]', f'["{name}"]')
        install(f"acme-{name}", "1.0", {"tricorn.bundle": {name: f"acme_b{number}"}}, **{f"acme_b{number}": source})
    with pytest.raises(PluginError, match="prefer different http plugins"):
        verdicts()


def test_what_is_not_installed_says_what_it_is_for_and_how_to_get_it() -> None:
    entries = Registry().entries
    without = {**entries, "http": [entry for entry in entries["http"] if entry.name != "h2"]}
    (row,) = (row for row in table(Registry(without), {}) if row["kind"] == "http" and not row["installed"])
    assert (row["name"], row["version"], row["selected"]) == ("h2", None, False)
    assert row["reason"] == "pip install tricorn-http-h2 (HTTP/2, --http2)"


def test_a_kind_that_nobody_has_stands_in_the_table() -> None:
    entries = {kind: [] for kind in Registry().entries}
    rows = [row for row in drawn(table(Registry(entries), {})).rows if row.cells[1] == "-"]
    assert [row.cells[0] for row in rows] == list(entries)
    assert rows[1] == Row(("http", "-", "-", "-", "nobody: nothing can be served"), "note")


def test_the_selected_stand_out() -> None:
    tones = {row.cells[:2]: row.tone for row in drawn(table(Registry(), {"loop": "asyncio"})).rows}
    assert (tones["loop", "asyncio"], tones["loop", "uvloop"]) == ("good", "plain")
