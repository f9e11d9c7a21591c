"""`tricorn check KIND NAME`: the conformance kit against one plugin, without pytest.

`tricorn check APP`, which goes through a start without serving, is `tricorn.rehearsal`.
"""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

import click

from tricorn.api import Unavailable
from tricorn.entries import Entry
from tricorn.registry import PluginError, Registry
from tricorn.testing.suite import Suite, run_suite

SUITES = {
    "http": ("tricorn.testing.http1", "tricorn.testing.http"),
    "ws": ("tricorn.testing.ws",),
    "loop": ("tricorn.testing.loop",),
}
"""The modules with the suites of a kind."""


def check_command(arguments: Sequence[str], registry: Registry) -> click.Command:
    """The command that the arguments mean: KIND NAME, or APP and options of serving.

    The one for plugins exits with 0 when all checks pass, 1 when some fail, 3 when the plugin cannot be loaded.
    """
    words = [argument for argument in arguments if argument not in ("-v", "--verbose")][:2]
    for_plugin = bool(words) and (words[0] in SUITES or (len(words) == 2 and not any(w.startswith("-") for w in words)))
    if not for_plugin:
        from tricorn.rehearsal import rehearsal_command

        return rehearsal_command(arguments, registry)
    command = click.Command("check", callback=functools.partial(check, registry))
    command.help = "Run the conformance checks for the plugin NAME of a KIND: " + ", ".join(SUITES) + "."
    command.params = [
        click.Argument(["kind"], type=click.Choice(list(SUITES))),
        click.Argument(["name"]),
        click.Option(["--verbose", "-v"], is_flag=True, help="Print the checks that pass, and tracebacks."),
    ]
    return command


def check(registry: Registry, kind: str, name: str, verbose: bool) -> None:
    """Run all suites of the kind that apply to the plugin, and exit."""
    try:
        plugin = registry.load(kind, name)
    except (PluginError, Unavailable) as error:
        print(f"ERROR:    {error}", file=sys.stderr)
        sys.exit(3)
    passed = failed = 0
    for suite in suites(kind, plugin.entry):
        if not suite.applies(plugin.provider):
            continue
        for outcome in run_suite(type(suite.__name__, (suite,), {"plugin": (kind, name)})):
            if outcome.error is None:
                passed += 1
                if verbose:
                    click.echo(f"passed  {suite.__name__}.{outcome.name}")
                continue
            failed += 1
            click.echo(f"FAILED  {suite.__name__}.{outcome.name}: {one_line(outcome.error)}")
            if verbose:
                click.echo("".join(traceback.format_exception(outcome.error)))
    if not passed + failed:
        click.echo(f"{plugin.entry}: no suite is about it. One in the module `testing` of its package would be found.")
        sys.exit(1)
    click.echo(f"{plugin.entry}: {passed} checks passed, {failed} failed.")
    sys.exit(1 if failed else 0)


def suites(kind: str, entry: Entry | None) -> list[type[Suite]]:
    """The public suites of a kind, and those that the plugin's package brings in a module `testing`."""
    found: list[type[Suite]] = []
    for name in [*SUITES[kind], *_own(entry)]:
        module = import_module(name)
        for value in vars(module).values():
            if not (isinstance(value, type) and issubclass(value, Suite) and value.__module__ == name):
                continue
            if getattr(value, "kind", None) == kind and not value.__name__.startswith("_"):
                found.append(value)
    return found


def _own(entry: Entry | None) -> list[str]:
    package = "" if entry is None else entry.value.partition(":")[0]
    if package.startswith("tricorn.") or getattr(sys.modules.get(package), "__path__", None) is None:
        return []
    name = f"{package}.testing"
    return [name] if find_spec(name) is not None else []


def one_line(error: BaseException) -> str:
    """What failed and where: plain assertions have no text of their own."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "?"
    text = str(error).strip().partition("\n")[0] or (frames[-1].line if frames else "")
    return f"{type(error).__name__}: {text} ({where})"
