"""Tables of the command line: text in columns, or what a plugin of the kind `terminal` draws for a person."""

from __future__ import annotations

import sys

import click

from tricorn.api import Table
from tricorn.logging import isatty
from tricorn.registry import PluginError, Registry


def show(table: Table, registry: Registry) -> None:
    """Print a table. A plugin is imported for it on a terminal alone."""
    plugin = None
    if isatty(sys.stdout):
        try:
            plugin = registry.auto("terminal")
        except PluginError as error:  # whoever looks for what is wrong still wants the table
            print(f"ERROR:    {error}", file=sys.stderr)
    if plugin is not None:
        plugin.provider.show(table)
        return
    for line in text(table):
        click.echo(line)


def text(table: Table) -> list[str]:
    """The table in columns, numbers to the right."""
    rows = [table.columns, *(row.cells for row in table.rows)]
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(table.columns))]
    lines = []
    for cells in rows:
        padded = [
            cell.rjust(width) if name in table.numbers else cell.ljust(width)
            for cell, width, name in zip(cells, widths, table.columns, strict=True)
        ]
        lines.append("  ".join(padded).rstrip())
    return lines
