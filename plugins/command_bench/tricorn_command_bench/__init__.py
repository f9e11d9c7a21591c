"""`tricorn bench APP`: the user's own application, measured on every combination of plugins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tricorn.api import CommandProvider, Unavailable, hookimpl

try:
    import fcntl  # noqa: F401 - there where the processes that serve can be had
except ImportError:
    raise Unavailable("the processes that it measures need a POSIX system") from None

if TYPE_CHECKING:
    import click

tricorn_api = 1


def make(arguments: Sequence[str]) -> click.Command:
    """The command; what it needs is imported when it is asked for."""
    from tricorn_command_bench.command import bench_command

    return bench_command(arguments)


@hookimpl
def tricorn_command() -> CommandProvider:
    """The command `tricorn bench`."""
    return CommandProvider(make)
