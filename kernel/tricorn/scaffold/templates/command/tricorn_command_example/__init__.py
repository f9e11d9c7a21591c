"""A command with an option of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tricorn.api import CommandProvider, hookimpl

if TYPE_CHECKING:
    import click

tricorn_api = 1


def make(arguments: Sequence[str]) -> click.Command:
    """The command. What it needs is imported here, when somebody runs it; `arguments` are those behind its name."""
    from importlib.metadata import entry_points

    import click

    def example(kind: str) -> None:
        """Print the names of the installed plugins of a kind."""
        for name in sorted(entry_points(group=f"tricorn.{kind}").names):
            click.echo(name)

    command = click.Command("example", callback=example, help="Name the installed plugins of a kind.")
    command.params = [click.Option(["--kind"], default="command", show_default=True, help="The kind of plugin.")]
    return command


@hookimpl
def tricorn_command() -> CommandProvider:
    """The command `tricorn example`."""
    return CommandProvider(make)
