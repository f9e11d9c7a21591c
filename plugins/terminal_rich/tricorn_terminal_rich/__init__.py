"""Draws the tables of the tricorn server's command line with rich."""

from __future__ import annotations

from collections.abc import Mapping

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from tricorn.api import Table, TerminalProvider, hookimpl

tricorn_api = 1

STYLES: Mapping[str, str] = {"plain": "", "good": "green", "note": "yellow", "bad": "bold red", "faint": "bright_black"}
"""How the tones of a row look."""


def drawing(table: Table) -> RichTable:
    """The table as rich knows it. The last column takes what is left of the width, and wraps."""
    drawn = RichTable(title=table.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for name in table.columns:
        drawn.add_column(name, no_wrap=name != table.columns[-1], overflow="fold")
        drawn.columns[-1].justify = "right" if name in table.numbers else "left"
    rows = list(table.rows)
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        ends = table.grouped and following is not None and following.cells[0] != row.cells[0]
        drawn.add_row(*(Text(cell, STYLES[row.tone]) for cell in row.cells), end_section=ends)
    return drawn


def show(table: Table) -> None:
    """Print a table to standard output."""
    Console().print(drawing(table))


@hookimpl
def tricorn_terminal() -> TerminalProvider:
    """The plugin `rich`."""
    return TerminalProvider(show)
