"""`tricorn new` and `tricorn bundle`: what a person types, and what is said back."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from tricorn.commands import RESERVED
from tricorn.entries import HOOKS
from tricorn.registry import PluginError, Registry
from tricorn.scaffold.bundles import find, write_bundle
from tricorn.scaffold.writing import KINDS, NameTaken, check_name, write_plugin

CHECKED = ("http", "ws", "loop")
"""The kinds that `tricorn check` has a suite for."""

CHOICES = (*(kind for kind in HOOKS if kind not in ("interface", "listener", "command")), "plugin")
"""The kinds of which a bundle may say which plugins it prefers."""


def _name() -> click.Argument:
    """The name of a plugin or a bundle, as Python spells it."""

    def check(context: click.Context, parameter: click.Parameter, value: str) -> str:
        try:
            return check_name(value)
        except ValueError as error:
            raise click.BadParameter(f"{error}.") from error

    return click.Argument(["name"], callback=check)


def new_command(arguments: Sequence[str], registry: Registry) -> click.Command:
    """The command: exits with 0 when the plugin has been written, 3 when it cannot be."""
    command = click.Command("new", callback=functools.partial(new, registry))
    command.help = "Write the distribution of a new plugin: a working one of its KIND, with tests, called NAME."
    command.params = [
        click.Argument(["kind"], type=click.Choice(KINDS)),
        _name(),
        _into(),
    ]
    return command


def new(registry: Registry, kind: str, name: str, into: Path) -> None:
    """Write a plugin and say what comes next."""
    if kind == "command" and name in RESERVED:
        _fail(f"tricorn {name} is a command already: choose another name.")
    taken = [entry for entry in registry.entries[kind] if entry.name == name]
    if taken:
        _fail(f"There is a {taken[0]} already: choose another name.")
    try:
        folder = write_plugin(kind, name, into)
    except (NameTaken, OSError) as error:
        _fail(str(error))
    click.echo(f"Wrote {folder}")
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        click.echo(f"  {path.relative_to(folder)}")
    steps = [
        (f"cd {folder}", ""),
        ('pip install -e ".[test]"', "install it, so that it is found"),
        ("python -m pytest", "run its tests"),
        (f"tricorn check {kind} {name}", "run the conformance kit")
        if kind in CHECKED
        else ("tricorn plugins", "see it"),
        (f"tricorn {name}", "run it") if kind == "command" else (f"tricorn main:app --{kind} {name}", "serve with it"),
    ]
    _say_next(steps)


def bundle_command(arguments: Sequence[str], registry: Registry) -> click.Command:
    """The command: exits with 0 when the bundle has been written, 3 when it cannot be."""
    command = click.Command("bundle", callback=functools.partial(bundle, registry))
    command.help = "Write a distribution called NAME that brings exactly these plugins, preferred, and a command."
    command.params = [_name()]
    for kind in CHOICES:
        text = "Side plugins to switch on" if kind == "plugin" else f"The {kind} plugins, best first"
        command.params.append(click.Option([f"--{kind}"], help=f"{text}, comma-separated.", metavar="NAMES"))
    command.params.append(_into())
    return command


def bundle(registry: Registry, name: str, into: Path, **names: str | None) -> None:
    """Write a bundle and say what comes next."""
    chosen = {kind: [part.strip() for part in text.split(",")] for kind, text in names.items() if text}
    if not chosen:
        _fail("A bundle without plugins: name some, for example --http h11 --ws wsproto.")
    try:
        folder = write_bundle(name, find(registry, chosen), into)
    except (PluginError, NameTaken, OSError) as error:
        _fail(str(error))
    click.echo(f"Wrote {folder}")
    dashed = name.replace("_", "-")
    _say_next(
        [
            (f"pip install {folder}", "install it with its plugins"),
            (f"{dashed} plugins", "see what it prefers"),
            (f"{dashed} main:app", "serve with it"),
        ]
    )


def _into() -> click.Option:
    return click.Option(
        ["--into"],
        type=click.Path(file_okay=False, path_type=Path),
        default=Path(),
        metavar="PATH",
        help="The folder to write it in; by default the current one.",
    )


def _say_next(steps: list[tuple[str, str]]) -> None:
    width = max(len(command) for command, _ in steps)
    click.echo("Next:")
    for command, why in steps:
        click.echo(f"  {command:{width}}  {why}".rstrip())


def _fail(message: str) -> Any:
    print(f"ERROR:    {message}", file=sys.stderr)
    sys.exit(3)
