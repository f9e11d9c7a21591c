"""Which combinations of plugins are measured: those that were named, or all that are installed and work here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from tricorn.api import Unavailable
from tricorn.registry import PluginError, Registry

KINDS = ("http", "ws", "loop")
VERSION = "http/1.1"
"""What the clients speak, as an HTTP plugin names it."""

Combination = Mapping[str, str]
"""The name of a plugin by its kind."""


def combinations(registry: Registry, values: Mapping[str, Any], websockets: bool) -> list[Combination]:
    """Every combination of the plugins, the preferred first. Raises PluginError for one that cannot be had.

    values: the options of serving; several names of a kind are separated by commas. WebSocket codecs are compared where
    `websockets` are measured, or where they are named.
    """
    names = {}
    for kind in KINDS:
        if values.get(kind):
            names[kind] = list(named(registry, kind, values[kind]))
        elif kind == "ws" and not websockets:
            names[kind] = [automatic(registry, kind)]
        else:
            names[kind] = list(installed(registry, kind))
    return [
        dict(zip(KINDS, chosen, strict=True)) for chosen in product(*(dict.fromkeys(names[kind]) for kind in KINDS))
    ]


def named(registry: Registry, kind: str, value: str) -> Iterator[str]:
    """The names in an option's value, `auto` being what that picks."""
    for name in (part.strip() for part in value.split(",")):
        if name == "auto":
            yield automatic(registry, kind)
            continue
        if not (name == "none" and kind in ("ws", "loop")):
            provider = registry.named(kind, name).provider
            if kind == "http" and VERSION not in provider.alpn:
                raise PluginError(f"The HTTP plugin {name!r} does not serve HTTP/1.1, which is what the clients speak.")
        yield name


def automatic(registry: Registry, kind: str) -> str:
    """What `auto` picks, or `none`."""
    plugin = registry.auto(kind)
    return "none" if plugin is None else plugin.name


def installed(registry: Registry, kind: str) -> Iterator[str]:
    """The installed plugins that work here and serve what the clients speak, the preferred first."""
    preferred = [name for name in registry.preferred(kind)[0] if name in registry.names(kind)]
    for name in [*preferred, *(name for name in registry.names(kind) if name not in preferred)]:
        try:
            provider = registry.load(kind, name).provider
        except Unavailable:
            continue
        if kind != "http" or VERSION in provider.alpn:
            yield name
