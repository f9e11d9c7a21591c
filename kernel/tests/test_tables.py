"""Tables of the command line: plain text, unless a person looks and a plugin draws them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tricorn import tables
from tricorn.api import Row, Table
from tricorn.registry import Registry

Install = Callable[..., None]

TABLE = Table("Things", ("NAME", "SIZE", "WHY"), [Row(("a", "10", "small")), Row(("long", "2", ""))], numbers=("SIZE",))
DRAWING = """
from tricorn.api import TerminalProvider, hookimpl
tricorn_api = 1
@hookimpl
def tricorn_terminal():
    return TerminalProvider(lambda table: print("drawn:", table.title))
@hookimpl
def tricorn_defaults():
    return {"terminal": ["loud"]}
"""
POINTS = {"tricorn.terminal": {"loud": "acme_loud"}, "tricorn.bundle": {"acme": "acme_loud"}}


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "isatty", lambda stream: True)


def test_cells_stand_in_columns_and_numbers_to_the_right() -> None:
    assert tables.text(TABLE) == [
        "NAME  SIZE  WHY",
        "a       10  small",
        "long     2",
    ]


def test_a_plugin_draws_on_a_terminal(install: Install, terminal: None, capsys: pytest.CaptureFixture[str]) -> None:
    install("acme", "1.0", POINTS, acme_loud=DRAWING)
    tables.show(TABLE, Registry())
    assert capsys.readouterr().out == "drawn: Things\n"


def test_elsewhere_the_text_is_the_same_whatever_is_installed(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("acme", "1.0", POINTS, acme_loud=DRAWING)
    tables.show(TABLE, Registry())
    assert capsys.readouterr().out.splitlines() == tables.text(TABLE)


def test_without_a_plugin_a_terminal_gets_text(terminal: None, capsys: pytest.CaptureFixture[str]) -> None:
    tables.show(TABLE, Registry({kind: [] for kind in Registry().entries}))
    assert capsys.readouterr().out.splitlines() == tables.text(TABLE)


def test_a_broken_plugin_is_told_and_the_table_shown(
    install: Install, terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    source = DRAWING.replace("return Terminal", "1 / 0; return Terminal")
    install("acme", "1.0", POINTS, acme_loud=source)
    tables.show(TABLE, Registry())
    shown = capsys.readouterr()
    assert shown.out.splitlines() == tables.text(TABLE)
    assert shown.err.startswith("ERROR:    The terminal plugin 'loud' of acme 1.0: its tricorn_terminal failed")
