"""`tricorn config [APP]`: the value that every option would have, and where it comes from. Nothing is served."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import click
from click.core import ParameterSource

from tricorn import environment, selection, tables
from tricorn.api import Option, Row, Table
from tricorn.cli import Origins, settings_command, variables
from tricorn.environment import EnvironmentVariableError
from tricorn.options import BEHIND_PROXY, default_of
from tricorn.registry import AUTOMATIC, PluginError, Registry
from tricorn.settings_file import APP

SECRET = ("ssl_keyfile_password",)
"""Options whose values are shown to nobody."""

Setting = dict[str, Any]


def config_command(arguments: Sequence[str], registry: Registry) -> click.Command:
    """The command: takes every option of serving, and exits with 3 when what they select cannot be had."""
    command = settings_command(arguments, show, registry)
    command.help = "Print the value of every option and where it comes from."
    command.params.append(click.Option(["--json", "as_json"], is_flag=True, help="Print a JSON array."))
    return command


def show(origins: Origins, app: str | None, values: dict[str, Any]) -> None:
    """Print the rows of `table`."""
    as_json = values.pop("as_json")
    try:
        rows = table(origins, {**values, "app": app}, click.get_current_context())
    except (PluginError, EnvironmentVariableError) as error:
        print(f"ERROR:    {error}", file=sys.stderr)
        sys.exit(3)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    shown = [
        Row((r["name"], text(r["value"]), r["source"]), "faint" if r["source"] == "default" else "plain") for r in rows
    ]
    tables.show(Table("Options", ("NAME", "VALUE", "SOURCE"), shown), origins.registry)


def table(origins: Origins, values: Mapping[str, Any], context: click.Context) -> list[Setting]:
    """One row per option: its name, its value and the source of that.

    Raises PluginError when the selected plugins cannot be had, EnvironmentVariableError for a variable without sense.
    """
    declared = [option for option in (APP, *origins.declared) if option.cli]
    effective = {
        option.name: value if (value := values[option.name]) not in (None, ()) else default_of(option)
        for option in declared
    }
    config = SimpleNamespace(**effective, registry=origins.registry)
    rows = []
    for option in declared:
        found = _derived(option, config) if effective[option.name] == default_of(option) else None
        value, origin = found or (effective[option.name], source(option, origins, context))
        if option.kind in AUTOMATIC and isinstance(value, str) and "auto" in value.split(","):
            value = ",".join(plugin.name for plugin in selection.pick(config, option.kind)) or "none"
            origin += f": auto, {origins.registry.preferred(option.kind)[1]}"
        if option.name in SECRET and value is not None:
            value = "***"
        rows.append({"name": option.name, "value": _plain(value), "source": origin})
    return rows


def source(option: Option, origins: Origins, context: click.Context) -> str:
    """Who gave an option its value: the flag, the variable, the file, or `default`."""
    kind = context.get_parameter_source(option.name)
    if kind is ParameterSource.COMMANDLINE:
        return "APP" if option is APP else option.flags
    if kind is ParameterSource.ENVIRONMENT:
        names = variables(option) if option is not APP else [APP.variable, environment.uvicorn_name("app")]
        return next(name for name in names if os.environ.get(name))
    return origins.file.path if kind is ParameterSource.DEFAULT_MAP else "default"


def _derived(option: Option, config: Any) -> tuple[Any, str] | None:
    """What stands in for the default: a bundle's preference, a preset, or a variable of no option's own."""
    preset = "--behind-proxy" if config.behind_proxy else ""
    if preset and option.name in BEHIND_PROXY:
        return BEHIND_PROXY[option.name], preset
    if option.name == "workers":
        return environment.workers(), "WEB_CONCURRENCY" if os.environ.get("WEB_CONCURRENCY") else "default"
    if option.name == "forwarded_allow_ips":
        name = "FORWARDED_ALLOW_IPS"
        return environment.trusted_peers(config.behind_proxy), name if name in os.environ else preset or "default"
    bundled = config.registry.defaults().get(option.kind)
    if bundled is not None and option.kind not in AUTOMATIC:
        names, entry = bundled
        return names if option.multiple else names[0], f"{entry.distribution} {entry.version}"
    return None


def _plain(value: Any) -> Any:
    """A value as JSON has it. The configuration of the log is too long for a table, and nobody's setting."""
    return "built in" if isinstance(value, dict) else list(value) if isinstance(value, tuple) else value


def text(value: Any) -> str:
    """A value as people read it."""
    if value is None or value == [] or value == "":
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ", ".join(": ".join(part) if isinstance(part, (list, tuple)) else str(part) for part in value)
    return str(value)
