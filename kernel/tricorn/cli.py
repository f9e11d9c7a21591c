"""The command line: `tricorn APP [options]` serves; other commands are named by their first word.

The options are the declarations of `tricorn.options` and of the selected plugins. To know the latter, the arguments
are looked through for what selects plugins before they are parsed.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

import tricorn
from tricorn import commands, environment, settings_file
from tricorn.api import Option, Unavailable
from tricorn.options import BY_NAME, OPTIONS
from tricorn.registry import AUTOMATIC, UVICORN_NAMES, PluginError, Registry

FURTHER = (
    "Further commands: tricorn dev [APP], tricorn config [APP], tricorn check APP, tricorn plugins [--json], "
    "tricorn check KIND NAME, tricorn new KIND NAME, "
    "tricorn bundle NAME, tricorn doctor, tricorn check-migration [FILE], tricorn exec -- COMMAND. "
)
VARIABLES = (
    "Every option can also be set by a variable: TRICORN_PORT for --port, or UVICORN_PORT where that is not set."
)

SELECTING = {option.name: option for option in OPTIONS if option.kind is not None}
"""The options that pick plugins."""


def main(args: Sequence[str] | None = None, **extra: Any) -> None:
    """Run the command line; `args` are its arguments, by default the process's own."""
    arguments = list(sys.argv[1:] if args is None else args)
    name = extra.pop("prog_name", "tricorn")
    registry = _or_exit(_registry)
    word, *rest = arguments or [""]
    command = _or_exit(lambda: commands.find(word, rest, registry))
    if command is not None:
        name, arguments = f"{name} {word}", rest
    elif word == "dev":
        from tricorn.dev import HTTPS, dev_arguments

        name, arguments = f"{name} dev", _or_exit(lambda: dev_arguments(rest, registry))
        command = serve_command(arguments, registry)
        command.params.append(HTTPS)
    command = command or serve_command(arguments, registry)
    command.main(arguments, prog_name=name, **extra)


CONFIG = Option("config", "A configuration file instead of tricorn.toml or [tool.tricorn] of pyproject.toml: TOML, or "
                "a format that a selected plugin reads.", metavar="PATH")  # fmt: skip
"""Belongs to the command line alone: what the file says are values for the other options."""


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector: what a start-up imports and declares stays anyway."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@_uncollected()
def _registry() -> Registry:
    return Registry()


class Origins(NamedTuple):
    """What the values of a command come from, besides its arguments and the environment."""

    registry: Registry
    file: settings_file.SettingsFile
    declared: Sequence[Option]


def serve_command(arguments: Sequence[str], registry: Registry | None = None) -> click.Command:
    """The command that serves, with the options of the plugins that the arguments select."""
    registry = registry or _or_exit(_registry)
    command = settings_command(arguments, _serve, registry)
    command.help = (
        "Serve APP, an ASGI application named as module:attribute; without APP, that of main.py, app.py or asgi.py."
    )
    command.epilog = FURTHER + commands.installed(registry) + VARIABLES
    command.params.append(
        click.Option(["--version"], is_flag=True, expose_value=False, is_eager=True, callback=print_version,
                     help="Show the version and exit.")
    )  # fmt: skip
    command.params.append(
        click.Option(["--print-config"], is_flag=True, help="Print the value of every option and where it comes from.")
    )
    return command


@_uncollected()
def settings_command(
    arguments: Sequence[str],
    callback: Callable[[Origins, str | None, dict[str, Any]], None],
    registry: Registry | None = None,
) -> click.Command:
    """A command with APP and all options; the callback gets the origins, APP and the options' values."""
    registry = registry or _or_exit(Registry)
    chosen = {name: peek(option, arguments) for name, option in SELECTING.items()}
    file = _or_exit(lambda: settings_file.read(registry, peek(CONFIG, arguments), chosen["plugins"]))
    for name in chosen.keys() & file.values.keys():
        chosen[name] = chosen[name] or _texts(file.values[name])
    if not chosen["supervisor"] and _is_on("reload", arguments, file.values):
        chosen["supervisor"] = ["reload"]
    if _is_on("http2", arguments, file.values):
        chosen["http"] = [",".join((UVICORN_NAMES["http2"][1], *(chosen["http"][-1:] or ["auto"])))]
    listing = "--help" in arguments
    declared = [*OPTIONS, *_or_exit(lambda: plugin_options(registry, chosen))]
    from_file = _or_exit(lambda: settings_file.checked(file, declared, registry))
    origins = Origins(registry, file, declared)

    def call(app: str | None, config: str | None, **values: Any) -> None:
        values["app_dir"] = values["app_dir"] or ""
        callback(origins, app, values)

    command = click.Command("tricorn", callback=call, context_settings={"default_map": from_file})
    command.params.append(click.Argument(["app"], envvar=["TRICORN_APP", "UVICORN_APP"], required=False))
    command.params += [parameter(option, registry, listing) for option in [*declared, CONFIG] if option.cli]
    return command


def _serve(origins: Origins, app: str | None, values: dict[str, Any]) -> None:
    from tricorn.main import run

    if values.pop("print_config"):
        from tricorn.effective import show

        return show(origins, app, {**values, "as_json": False})
    app = app or unnamed(values)
    if origins.file.path:
        click.echo(f"INFO:     Taking settings from {origins.file.path}.", err=True)
    adopted = environment.adopted(["app", *BY_NAME])
    if adopted:
        names = ", ".join(adopted)
        click.echo(
            f"INFO:     Taking {names} from the environment, where no TRICORN_ variable says otherwise.", err=True
        )
    try:
        run(app, registry=origins.registry, **given(values))
    except Exception as error:
        from tricorn.explaining import explain

        explain(error)
        sys.exit(1)


def unnamed(values: dict[str, Any]) -> str:
    """The application that is found where none is given. Raises click.UsageError where there is none."""
    from tricorn.finding import NothingFound, find_unnamed

    try:
        found = find_unnamed(Path(values["app_dir"]))
    except NothingFound as error:
        raise click.UsageError(str(error)) from error
    values["factory"] = values["factory"] or found.factory
    click.echo(f"INFO:     Serving {found.app}: {found.how}.", err=True)
    return found.app


# --- options --------------------------------------------------------------------------------------------------------


def peek(option: Option, arguments: Sequence[str]) -> list[str]:
    """The values of a plugin-selecting option, read before the plugins' own options are known."""
    found = []
    for position, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument == option.flags and position + 1 < len(arguments):
            found.append(arguments[position + 1])
        elif argument.startswith(option.flags + "="):
            found.append(argument.partition("=")[2])
    text = next((os.environ[name] for name in variables(option) if os.environ.get(name)), None)
    if not found and text:
        found = text.split() if option.multiple else [text]
    return found


def _is_on(name: str, arguments: Sequence[str], from_file: Mapping[str, Any]) -> bool:
    """Whether a switch that selects a plugin without naming it is on."""
    option = BY_NAME[name]
    text = next((os.environ[name] for name in variables(option) if os.environ.get(name)), "")
    value = text or from_file.get(name)
    # What is no boolean is refused later, with the name of who said it; a table is that of a plugin of this name.
    return option.flags in arguments or str(value).strip().lower() in ("true", "1", "yes", "on", "t", "y")


def plugin_options(registry: Registry, chosen: Mapping[str, Sequence[str]]) -> list[Option]:
    """The options of the plugins that were asked for by name, of the bundles' side plugins and of `auto`'s choice.

    A plugin that cannot be loaded is passed over here: the start-up says what is wrong with it.
    """
    for name, option in SELECTING.items():
        assert option.kind is not None
        values = [part for value in chosen[name][-1:] if not option.multiple for part in value.split(",")]
        values = list(chosen[name]) if option.multiple else values or [str(option.default)]
        if option.multiple:
            values += registry.defaults().get("plugin", ([], None))[0]
        for value in values:
            try:
                if value == "auto" and option.kind in AUTOMATIC:
                    registry.auto(option.kind)
                elif value in registry.names(option.kind) and option.kind != "logging":
                    registry.load(option.kind, value)
            except (PluginError, Unavailable):
                continue
    return [option for option, _ in registry.options()]


def variables(option: Option) -> list[str]:
    """The environment variables of an option, the first that is set counts: ours, and uvicorn's for what it has too."""
    return [option.variable, *([environment.uvicorn_name(option.name)] if option.name in BY_NAME else [])]


class Port(click.types.IntParamType):
    """A port number. Explains the one mistake that nobody makes by himself."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number. Raises BadParameter."""
        if str(value).startswith("tcp://"):
            name = next((name for name in ("TRICORN_PORT", "UVICORN_PORT") if os.environ.get(name) == value), "--port")
            self.fail(
                f"{name} is {value!r}: Kubernetes sets it for a Service named {name.partition('_')[0].lower()}. Give "
                "--port, rename the Service, or set enableServiceLinks: false.",
                param,
                ctx,
            )
        return super().convert(value, param, ctx)


class PluginName(click.types.StringParamType):
    """The name of an installed plugin of a kind, or where to import one from."""

    name = "plugin"

    def __init__(self, kind: str, registry: Registry) -> None:
        self.kind = kind
        self.registry = registry

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The name as it is. Raises BadParameter for one that nobody has."""
        if value != BY_NAME[self.kind].default and ":" not in value:
            try:
                self.registry.find(self.kind, value)
            except PluginError as error:
                self.fail(str(error), param, ctx)
        return value


FILE = click.Path(exists=True)

TYPES = {"port": Port(), "reload_dirs": FILE, "env_file": FILE, "log_config": FILE}
"""What click checks besides the declared type. The variable of a list of paths is split like PATH."""

CHOSEN = ("lifespan", "interface")
"""Kinds of which a wrong name is a mistake in the use of the command, as it is to uvicorn: status 2, not 3."""


def _texts(value: Any) -> list[str]:
    return [str(part) for part in value] if isinstance(value, (list, tuple)) else [str(value)]


def parameter(option: Option, registry: Registry | None = None, listing: bool = False) -> click.Option:
    """A declared option as click knows it. registry: knows the names of plugins. listing: help lists those, too."""
    names = [option.flags, option.name]
    settings: dict[str, Any] = {"help": option.help, "default": None, "envvar": variables(option)}
    if option.type is bool and option.switch != "value":
        negation = "--no-" + option.flags.removeprefix("--")
        names[0] = option.flags if option.switch == "single" else f"{option.flags}/{negation}"
        settings["is_flag"] = True
    elif isinstance(option.type, type):
        settings["type"] = option.type
    else:
        settings["type"] = click.Choice(list(option.type), case_sensitive=False)
    if option.name in TYPES:
        settings["type"] = TYPES[option.name]
    if registry is not None and option.kind in CHOSEN:
        settings["type"] = PluginName(option.kind, registry)
    if option.metavar is not None:
        settings["metavar"] = option.metavar
    if option.multiple:
        settings["multiple"] = True
    if option.parse is not None:
        settings["callback"] = _parsing(option)
    if registry is not None and listing and option.kind is not None:
        settings["help"] += f" Installed: {', '.join(registry.names(option.kind)) or 'none'}."
    if isinstance(option.default, (str, int, float)) and option.default != "":
        shown: Any = option.default
        if option.type is bool:
            shown = "on" if option.default else "off"
        settings["help"] += f"  [default: {shown}]"
    return click.Option(names, **settings)


def _parsing(option: Option) -> Any:
    def parse(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        assert option.parse is not None
        try:
            if option.multiple:
                return tuple(option.parse(text) for text in value or ())
            return None if value is None else option.parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    return parse


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the user set; the rest keeps the defaults of `run()`."""
    return {name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items() if value is not None and value != ()}  # fmt: skip


def _or_exit(load: Any) -> Any:
    try:
        return load()
    except PluginError as error:
        print(f"ERROR:    {error}", file=sys.stderr)
        sys.exit(3)


def print_version(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    """Print the version, and end, where the option says so."""
    if value and not context.resilient_parsing:
        import platform

        click.echo(
            f"Running tricorn {tricorn.__version__} with {platform.python_implementation()} "
            f"{platform.python_version()} on {platform.system()}"
        )
        context.exit()
