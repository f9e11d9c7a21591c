"""The commands besides serving: tricorn's own, and those of the plugins of the kind `command`."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import click

from tricorn.catalogue import PUBLISHED, installing
from tricorn.registry import PluginError, Registry, Selected, broken

COMMANDS = {
    "plugins": ("tricorn.listing", "plugins_command"),
    "check": ("tricorn.checking", "check_command"),
    "check-migration": ("tricorn.migration", "check_migration_command"),
    "config": ("tricorn.effective", "config_command"),
    "exec": ("tricorn.shim", "exec_command"),
    "doctor": ("tricorn.doctor", "doctor_command"),
    "new": ("tricorn.scaffold.commands", "new_command"),
    "bundle": ("tricorn.scaffold.commands", "bundle_command"),
}
"""Tricorn's own, which work whatever the metadata of the installation says, and where each is made from the arguments
behind its name and the registry."""

RESERVED = (*COMMANDS, "dev")
"""The names that no plugin can have: `dev` is serving with other defaults."""


def find(word: str, arguments: Sequence[str], registry: Registry) -> click.Command | None:
    """The command that the first word of a command line names, made for the arguments behind it.

    None where that is serving: the word is an application or an option. Raises PluginError for a name that is claimed
    twice, for a plugin that cannot be had, and for a command of this repository that is not installed.
    """
    refuse_reserved(registry, word)
    if word in COMMANDS:
        module, function = COMMANDS[word]
        command: click.Command = getattr(import_module(module), function)(arguments, registry)
        return command
    if word in registry.names("command"):
        return made(registry.named("command", word), arguments)
    if word in PUBLISHED["command"]:
        raise PluginError(
            f"The command {word!r} is not installed: {installing('command', word)}. "
            f"An application in a module of this name is served by its attribute: {word}:app."
        )
    return None


def made(plugin: Selected, arguments: Sequence[str]) -> click.Command:
    """The command of a plugin. Raises PluginError where the plugin makes none."""
    try:
        command = plugin.provider.make(arguments)
    except Exception as error:
        raise broken(plugin.entry, "making its command failed", error) from error
    if not isinstance(command, click.Command):
        raise PluginError(f"The {plugin.entry}: its command is {command!r}, not a click.Command.")
    return command


def refuse_reserved(registry: Registry, name: str) -> None:
    """Raise PluginError when a plugin has the name of one of tricorn's own commands."""
    for entry in registry.entries["command"]:
        if entry.name == name and name in RESERVED:
            raise PluginError(f"The {entry} has the name of a command of tricorn itself: uninstall it.")


def installed(registry: Registry) -> str:
    """The sentence of the help that names the commands of plugins; empty where there are none."""
    names = [f"tricorn {name}" for name in registry.names("command") if name not in RESERVED]
    return f"Commands of plugins: {', '.join(names)}. " if names else ""
