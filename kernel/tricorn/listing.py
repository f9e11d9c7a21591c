"""`tricorn plugins`: what is installed, and what of it a server would use. No plugin is imported, bundles aside."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from tricorn.cli import SELECTING, parameter
from tricorn.commands import RESERVED
from tricorn.entries import KINDS, Entry
from tricorn.options import BY_NAME
from tricorn.registry import AUTOMATIC, PluginError, Registry
from tricorn.selection import BY_ADDRESS


def plugins_command(arguments: Sequence[str], registry: Registry) -> click.Command:
    """The command; it takes the options that select plugins, to say what would be selected with them."""

    def plugins(as_json: bool, **values: Any) -> None:
        try:
            rows = table(registry, values)
        except PluginError as error:
            print(f"ERROR:    {error}", file=sys.stderr)
            sys.exit(3)
        if as_json:
            click.echo(json.dumps(rows, indent=2))
        else:
            for line in text(rows):
                click.echo(line)

    command = click.Command("plugins", callback=plugins)
    command.help = "List the installed plugins, and which of them a server would use."
    command.params = [
        click.Option(["--json", "as_json"], is_flag=True, help="Print a JSON array."),
        *(parameter(option) for option in SELECTING.values()),
    ]
    return command


def table(registry: Registry, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row per installed plugin, in the order of the kinds. Raises PluginError when bundles disagree."""
    rows = []
    for kind in KINDS:
        for entry in registry.entries[kind]:
            selected, reason = verdict(registry, entry, values)
            rows.append(
                {
                    "kind": kind,
                    "name": entry.name,
                    "distribution": entry.distribution,
                    "version": entry.version,
                    "module": entry.value,
                    "selected": selected,
                    "reason": reason,
                }
            )
    return rows


def verdict(registry: Registry, entry: Entry, values: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether a server would use the plugin, and why. Whether its library works shows only when it is loaded."""
    kind, name = entry.kind, entry.name
    twins = [other for other in registry.entries[kind] if other.name == name]
    if len(twins) > 1:
        owners = " and ".join(f"{twin.distribution} {twin.version}" for twin in twins)
        return False, f"the name is claimed by {owners}"
    if kind == "bundle":
        return True, "bundles are on when installed"
    if kind == "command":
        return False, "the name of a command of tricorn itself" if name in RESERVED else f"run by tricorn {name}"
    if kind == "plugin":
        return _side(registry, name, values.get("plugins") or ())
    if kind in ("interface", "listener"):
        value = values.get("listen" if kind == "listener" else kind)
        if value not in (None, "auto"):
            return value == name, f"--{kind} {value}"
        if kind == "listener" and name not in BY_ADDRESS:
            return False, f"off until --listener {name}"
        chooser = "application" if kind == "interface" else "address"
        return True, f"used when the {chooser} asks for it"
    if kind == "supervisor" and values.get(kind) in (None, "auto") and kind not in registry.defaults():
        asked = {"reload": "--reload", "workers": "--workers 2"}.get(name, f"--supervisor {name}")
        return name == "single", "one process serves by default" if name == "single" else f"used with {asked}"
    option = BY_NAME[kind]
    value = values.get(kind)
    wanted = str(option.default) if value is None else value
    if (wanted == "auto" and kind in AUTOMATIC) or (value is None and kind in registry.defaults()):
        return _automatic(registry, kind, name)
    chosen = name in [part.strip() for part in wanted.split(",")]
    source = f"{option.flags} {wanted}" if value is not None else f"default of {option.flags}"
    return chosen, source if chosen else f"not chosen: {source}"


def _side(registry: Registry, name: str, named: Any) -> tuple[bool, str]:
    if name in named:
        return True, "--plugin"
    bundled = registry.defaults().get("plugin")
    if bundled is not None and name in bundled[0]:
        return True, f"switched on by {bundled[1].distribution} {bundled[1].version}"
    return False, f"off until --plugin {name}"


def _automatic(registry: Registry, kind: str, name: str) -> tuple[bool, str]:
    names, why = registry.preferred(kind)
    if name not in names:
        return False, f"not among {why}; --{kind} {name} picks it"
    installed = [other for other in names if other in registry.names(kind)]
    if installed[0] == name:
        return True, f"first of {why}"
    return False, f"used when {installed[installed.index(name) - 1]} is unavailable"


def text(rows: list[dict[str, Any]]) -> list[str]:
    """The rows in columns."""
    columns = ("kind", "name", "distribution", "version")
    heads = {column: column.upper() for column in columns}
    widths = {column: max(len(str(row[column])) for row in [heads, *rows]) for column in columns}
    lines = []
    for row in [{**heads, "selected": None, "reason": "SELECTED"}, *rows]:
        mark = "" if row["selected"] is None else "yes: " if row["selected"] else "no: "
        cells = (str(row[column]).ljust(widths[column]) for column in columns)
        lines.append("  ".join([*cells, mark + row["reason"]]).rstrip())
    return lines
