"""The commands of plugins: found by their first word alone, and refused in one line."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from tricorn import catalogue
from tricorn.cli import main
from tricorn.commands import COMMANDS

Install = Callable[..., None]

GREET = """
import click
from tricorn.api import CommandProvider, hookimpl
tricorn_api = 1
def make(arguments):
    return click.Command("greet", callback=lambda name: click.echo(f"{arguments}: good day, {name}"),
                         params=[click.Argument(["name"])])
@hookimpl
def tricorn_command():
    return CommandProvider(make)
"""
FAILING = GREET.replace("return click", "1 / 0; return click")
NOTHING = GREET.replace("return click", "return None; click")


def run(*arguments: str, **extra: str) -> int:
    """The exit status of `tricorn ARGUMENTS`."""
    with pytest.raises(SystemExit) as caught:
        main(list(arguments), **extra)
    return int(caught.value.code or 0)


def test_a_plugins_command_gets_the_arguments_behind_its_name(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("acme", "1.0", {"tricorn.command": {"greet": "acme_greet"}}, acme_greet=GREET)
    assert run("greet", "Ada") == 0
    assert capsys.readouterr().out == "['Ada']: good day, Ada\n"
    assert run("greet", "--help", prog_name="acme") == 0
    assert capsys.readouterr().out.startswith("Usage: acme greet [OPTIONS] NAME")


def test_other_commands_and_the_help_import_no_command(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install("acme", "1.0", {"tricorn.command": {"greet": "acme_greet"}}, acme_greet="raise SystemExit")
    assert run("--help") == 0
    assert "tricorn greet" in " ".join(capsys.readouterr().out.split()).partition("Commands of plugins: ")[2]
    main(["plugins"], standalone_mode=False)
    assert "run by tricorn greet" in capsys.readouterr().out
    assert "acme_greet" not in sys.modules


@pytest.mark.parametrize("name", [*COMMANDS, "dev"])
def test_a_plugin_cannot_have_the_name_of_one_of_tricorns_own(
    name: str, install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("acme", "1.0", {"tricorn.command": {name: "acme_greet"}}, acme_greet=GREET)
    assert run(name) == 3
    said = capsys.readouterr().err
    assert said.startswith(
        f"ERROR:    The command plugin {name!r} of acme 1.0 has the name of a command of tricorn itself"
    )


def test_two_distributions_with_one_command_are_an_error(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("acme", "other"):
        install(name, "1.0", {"tricorn.command": {"greet": "acme_greet"}}, acme_greet=GREET)
    assert run("greet") == 3
    assert "'greet' is claimed by acme 1.0 and other 1.0: uninstall all but one." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nothing_of_this_name", "importing acme_greet failed (ModuleNotFoundError: No module named "),
        (FAILING, "making its command failed (ZeroDivisionError: division by zero)."),
        (NOTHING, "its command is None, not a click.Command."),
    ],
    ids=["import", "make", "nothing"],
)
def test_a_broken_command_is_one_line_with_distribution_and_version(
    source: str, reason: str, install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("acme", "1.0", {"tricorn.command": {"greet": "acme_greet"}}, acme_greet=source)
    assert run("greet", "Ada") == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"ERROR:    The command plugin 'greet' of acme 1.0: {reason}")


def test_a_command_of_this_repository_says_how_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(catalogue.PUBLISHED["command"], "greet", "good manners")  # type: ignore[arg-type]
    assert run("greet", "Ada") == 3
    assert capsys.readouterr().err == (
        "ERROR:    The command 'greet' is not installed: pip install tricorn-command-greet. "
        "An application in a module of this name is served by its attribute: greet:app.\n"
    )
