"""`tricorn plugins`: what is installed, what of it a server would use, and what is missing for what.

Besides bundles and what draws the table on a terminal, only what `auto` tries is imported for it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from tricorn.api import Row, Table, Unavailable
from tricorn.catalogue import PUBLISHED, installing
from tricorn.cli import SELECTING, parameter
from tricorn.commands import RESERVED
from tricorn.entries import KINDS, Entry
from tricorn.options import BY_NAME
from tricorn.registry import AUTOMATIC, PluginError, Registry
from tricorn.selection import BY_ADDRESS
from tricorn.tables import show

NOBODY = {
    "http": ": nothing can be served",
    "ws": ": WebSockets are refused",
    "command": ": there are tricorn's own",
    "terminal": ": tables are plain text",
    "bundle": ": the kernel's preferences count",
}
"""What follows where no plugin of a kind is installed."""


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
            show(drawn(rows), registry)

    command = click.Command("plugins", callback=plugins)
    command.help = "List the installed plugins, and which of them a server would use."
    command.params = [
        click.Option(["--json", "as_json"], is_flag=True, help="Print a JSON array."),
        *(parameter(option) for option in SELECTING.values()),
    ]
    return command


def table(registry: Registry, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The installed plugins in the order of the kinds, behind those of each what is published with tricorn besides.

    Raises PluginError when bundles disagree.
    """
    rows = []
    for kind in KINDS:
        for entry in registry.entries[kind]:
            selected, reason = verdict(registry, entry, values)
            rows.append(
                {
                    "kind": kind,
                    "name": entry.name,
                    "installed": True,
                    "distribution": entry.distribution,
                    "version": entry.version,
                    "module": entry.value,
                    "selected": selected,
                    "reason": reason,
                }
            )
        rows += [missing(kind, name) for name in PUBLISHED.get(kind, ()) if name not in registry.names(kind)]
    return rows


def missing(kind: str, name: str) -> dict[str, Any]:
    """The row of a plugin that could be installed."""
    return {
        "kind": kind,
        "name": name,
        "installed": False,
        "distribution": f"tricorn-{kind}-{name}",
        "version": None,
        "module": None,
        "selected": False,
        "reason": f"{installing(kind, name)} ({PUBLISHED[kind][name]})",
    }


def verdict(registry: Registry, entry: Entry, values: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether a server would use the plugin, and why. Of one that an option names, loading shows whether it works."""
    kind, name = entry.kind, entry.name
    twins = [other for other in registry.entries[kind] if other.name == name]
    if len(twins) > 1:
        owners = " and ".join(f"{twin.distribution} {twin.version}" for twin in twins)
        return False, f"the name is claimed by {owners}"
    if kind == "bundle":
        return True, "bundles are on when installed"
    if kind == "command":
        return False, "the name of a command of tricorn itself" if name in RESERVED else f"run by tricorn {name}"
    if kind == "terminal":
        return _automatic(registry, kind, name)
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
        return False, f"not among {why}; {'a bundle' if kind == 'terminal' else f'--{kind} {name}'} picks it"
    installed = [other for other in names if other in registry.names(kind)]
    for place, other in enumerate(installed):
        reason = _unavailable(registry, kind, other)
        if other == name:
            return not reason, f"unavailable: {reason}" if reason else f"first of {why}{' that works' if place else ''}"
        if not reason:
            break
    return False, f"used when {installed[installed.index(name) - 1]} is unavailable"


def _unavailable(registry: Registry, kind: str, name: str) -> str:
    """Why `auto` passes a plugin over, if it does: at one that is broken a server stops, and `tricorn doctor` says why.

    What draws tables is not imported where it draws none.
    """
    if kind != "terminal":
        try:
            registry.load(kind, name)
        except Unavailable as reason:
            return str(reason.__cause__)
        except PluginError:
            pass
    return ""


def drawn(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The rows by kind, with one for every kind that nobody has."""
    found = []
    for kind in KINDS:
        mine = [row for row in rows if row["kind"] == kind]
        if not any(row["installed"] for row in mine):
            found.append(
                Row((kind, "-", "-", "-", f"nobody{NOBODY.get(kind, '')}"), "note" if kind == "http" else "faint")
            )
        for row in mine:
            mark = "not installed: " if not row["installed"] else "yes: " if row["selected"] else "no: "
            cells = (kind, row["name"], row["distribution"], row["version"] or "-", mark + row["reason"])
            found.append(Row(cells, "faint" if not row["installed"] else "good" if row["selected"] else "plain"))
    return Table("Plugins", ("KIND", "NAME", "DISTRIBUTION", "VERSION", "SELECTED"), found, grouped=True)
