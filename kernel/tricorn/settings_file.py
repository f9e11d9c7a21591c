"""The configuration file: `tricorn.toml`, the table `[tool.tricorn]` of `pyproject.toml`, or what `--config` names.

Its keys are the names of the options. A table named like a plugin holds options of that plugin. Nothing that reads
TOML is imported where there is no file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tricorn.api import Option
from tricorn.entries import KINDS
from tricorn.registry import PluginError, Registry

OWN = "tricorn.toml"
SHARED = "pyproject.toml"

APP = Option("app", "The application, as module:attribute.")
"""No option, but a file may name it like one."""

WORDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a string",
}
"""What a value of a type is called when another one stands there."""

KINDS_OF_VALUES: Mapping[type, str] = {**WORDS, bool: "a boolean", list: "an array", dict: "a table"}


class SettingsFile(NamedTuple):
    """What a file says.

    path: its name for messages, empty where there is no file. values: unchecked, by the names that the file has.
    typed: whether its format tells numbers from texts; where it does not, texts stand for everything.
    """

    path: str = ""
    values: Mapping[str, Any] = {}
    typed: bool = True


def read(registry: Registry, given: Sequence[str], plugins: Sequence[str]) -> SettingsFile:
    """The file that `--config` names (the last of `given` counts), or the one of the current directory, if any.

    A side plugin that is selected and reads the format goes before the TOML reader. Raises PluginError when the file
    cannot be read, or nothing takes it.
    """
    if not given:
        return _found()
    path = given[-1]
    for name in [*plugins, *registry.defaults().get("plugin", ([], None))[0]]:
        plugin = registry.named("plugin", name)
        if registry.implementations("tricorn_config", [plugin.provider]):
            values: Mapping[str, Any] | None = registry.call(plugin, "tricorn_config", path=path)
            if values is not None:
                return SettingsFile(path, values, typed=False)
    if not path.endswith(".toml"):
        raise PluginError(f"No selected plugin reads {path}: name one that does with --plugin, or write TOML.")
    content = _content(path)
    if os.path.basename(path) != SHARED:
        return SettingsFile(path, _parsed(path, content))
    values = _own_table(path, content)
    if values is None:
        raise PluginError(f"{path} (--config) has no table [tool.tricorn].")
    return SettingsFile(path, values)


def _found() -> SettingsFile:
    if os.path.isfile(OWN):
        return SettingsFile(OWN, _parsed(OWN, _content(OWN)))
    if os.path.isfile(SHARED):
        content = _content(SHARED)
        # Most directories have this file, and nearly none of them says anything about a server.
        values = _own_table(SHARED, content) if b"tricorn" in content else None
        if values is not None:
            return SettingsFile(SHARED, values)
    return SettingsFile()


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise PluginError(
            f"Cannot read the configuration file {path}: {(error.strerror or str(error)).lower()}."
        ) from error


def _own_table(path: str, content: bytes) -> Mapping[str, Any] | None:
    tools = _parsed(path, content).get("tool")
    values = tools.get("tricorn") if isinstance(tools, dict) else None
    if values is not None and not isinstance(values, dict):
        raise PluginError(f"{path}: tool.tricorn must be a table, not {_kind(values)}.")
    return values


def _parsed(path: str, content: bytes) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(content.decode())
    except ValueError as error:  # both readers' own error, and that of text that is not UTF-8
        raise PluginError(f"{path} is no valid TOML: {error}.") from error


# --- checking -------------------------------------------------------------------------------------------------------


def checked(file: SettingsFile, declared: Iterable[Option], registry: Registry) -> dict[str, Any]:
    """The values by the names of their options, tables of plugins resolved.

    The table of a plugin that is installed and not selected is left aside: what else selects the plugins may change
    from one start to the next. Raises PluginError for a name that is no option and for a value of a wrong type.
    """
    options = {option.name: option for option in (*declared, APP) if option.cli}
    values: dict[str, Any] = {}
    for name, value in file.values.items():
        if isinstance(value, dict) and any(name in registry.names(kind) for kind in KINDS):
            for full, inner in _section(file.path, name, value, registry).items():
                values[full] = _value(file, options[full], inner)
        elif name in options:
            values[name] = _value(file, options[name], value)
        else:
            plugins = [plugin for kind in KINDS for plugin in registry.names(kind)] if isinstance(value, dict) else []
            what = "neither an option nor an installed plugin" if isinstance(value, dict) else "no option"
            raise _unknown(f"{file.path} sets {name!r}, which is {what}", name, [*options, *plugins])
    return values


def _section(path: str, plugin: str, values: Mapping[str, Any], registry: Registry) -> dict[str, Any]:
    entries = [entry for kind in KINDS for entry in registry.entries[kind] if entry.name == plugin]
    if not any(registry.hooks.has_plugin(entry.value) for entry in entries):
        return {}
    owned = [option.name for option, entry in registry.options() if entry.name == plugin]
    found: dict[str, Any] = {}
    for name, value in values.items():
        full = name if name in owned else f"{plugin}_{name}"
        if full not in owned:
            short = [other.removeprefix(f"{plugin}_") for other in owned]
            raise _unknown(f"{path} sets {name!r} in [{plugin}], which is no option of that plugin", name, short)
        found[full] = value
    return found


def _unknown(text: str, name: str, known: Sequence[str]) -> PluginError:
    import difflib

    close = difflib.get_close_matches(name.replace("-", "_"), known, 1)
    return PluginError(text + (f"; did you mean {close[0]!r}?" if close else "."))


def _value(file: SettingsFile, option: Option, value: Any) -> Any:
    """The value as the command line takes it. Raises PluginError for a wrong type, or what the option cannot parse."""
    where = f"{file.path}: {option.name}"
    items = value if option.multiple and isinstance(value, list) else [value]
    for item in items:
        if not file.typed:
            continue
        _check_type(where, option, item)
        if option.parse is not None:
            try:
                option.parse(item)
            except ValueError as error:
                raise PluginError(f"{where}: {error}.") from error
    return items if option.multiple else value


def _check_type(where: str, option: Option, value: Any) -> None:
    if not isinstance(option.type, type):
        if value not in option.type:
            raise PluginError(f"{where} must be one of {', '.join(option.type)}, not {_kind(value)}.")
        return
    wanted = (int, float) if option.type is float else option.type
    if not isinstance(value, wanted) or (isinstance(value, bool) and option.type is not bool):
        plural = " or an array of strings" if option.multiple else ""
        raise PluginError(f"{where} must be {WORDS[option.type]}{plural}, not {_kind(value)}.")


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return f"the string {value!r}"
    return KINDS_OF_VALUES.get(type(value), f"a {type(value).__name__}")
