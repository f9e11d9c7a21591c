"""Which plugins a configuration picks: what an option says, or a bundle in place of its default, or the kernel."""

from __future__ import annotations

from typing import Any

from tricorn.catalogue import installing
from tricorn.options import BY_NAME
from tricorn.registry import AUTOMATIC, PREFERENCES, UVICORN_NAMES, PluginError, Registry, Selected


def choice(config: Any, kind: str) -> Any:
    """The option's value; where it is the default, what a bundle puts in its place. Raises PluginError."""
    value = getattr(config, kind)
    if kind not in AUTOMATIC and value == BY_NAME[kind].default:
        bundled = config.registry.defaults().get(kind)
        if bundled is not None:
            return bundled[0][0]
    return value


def pick(config: Any, kind: str) -> list[Selected]:
    """The plugins of a kind, best first; none where the choice is `none`. Raises PluginError."""
    registry = config.registry
    value = choice(config, kind)
    if not isinstance(value, str):
        values = value if isinstance(value, (list, tuple)) else [value]
        return [v if isinstance(v, Selected) else registry.given(kind, v) for v in values if v is not None]
    found: list[Selected] = []
    for name in value.split(",") if kind == "http" else (value,):
        if name == "none" and kind in ("ws", "loop"):
            continue
        auto = name == "auto" and kind in AUTOMATIC
        plugin = registry.auto(kind) if auto else registry.named(kind, name.strip())
        if plugin is not None and plugin not in found:
            found.append(plugin)
    return found


def select(config: Any) -> dict[str, list[Selected]]:
    """The plugins that serve, and the side plugins. Raises PluginError."""
    registry = config.registry
    selected = {kind: pick(config, kind) for kind in ("http", "ws", "lifespan")}
    kind, name = UVICORN_NAMES["http2"]
    if config.http2 and all(plugin.name != name for plugin in selected[kind]):
        if name not in registry.names(kind):
            raise PluginError(f"--http2 needs the HTTP plugin {name!r}: {installing(kind, name)}.")
        selected[kind].insert(0, registry.named(kind, name))
    bundled = registry.defaults().get("plugin", ((), None))[0]
    names = [*(name for name in bundled if name not in config.plugins), *config.plugins]
    selected["plugin"] = [registry.named("plugin", name) for name in names]
    if not selected["http"]:
        tried, why = registry.preferred("http")
        advice = installing("http", PREFERENCES["http"][-1])
        raise PluginError(f"No HTTP plugin works here (tried {', '.join(tried)}, {why}): {advice}.")
    return selected


def supervisor(config: Any) -> Selected:
    """What runs the serving process. Raises PluginError."""
    name = choice(config, "supervisor")
    if name == "auto":
        name = "reload" if config.should_reload else "workers" if config.workers > 1 else "single"
        if name not in config.registry.names("supervisor"):
            option = "--reload" if name == "reload" else "--workers"
            raise PluginError(f"{option} needs the supervisor plugin {name!r}: {installing('supervisor', name)}.")
    registry: Registry = config.registry
    return registry.named("supervisor", name) if isinstance(name, str) else registry.given("supervisor", name)


JSON = "json"
"""The format of the log that is a plugin's; the others are those of the plugin `text`."""


def logging(config: Any) -> Selected:
    """What the log looks like. Raises PluginError, also when the options say two things about it."""
    registry: Registry = config.registry
    name, wanted = choice(config, "logging"), config.log_format
    by_default = config.logging == BY_NAME["logging"].default
    if wanted is not None:
        kind = JSON if wanted == JSON else BY_NAME["logging"].default
        if not by_default and name != kind:
            raise PluginError(f"--log-format {wanted} and --logging {name} contradict each other: give one of them.")
        name = kind
    return registry.named("logging", name, config)


BY_ADDRESS = ("tcp", "unix", "fd")
"""The listeners that the options of the address pick."""


def listener(config: Any) -> Selected:
    """Where the connections come from. Raises PluginError."""
    name = config.listen
    if name == "auto":
        name = "fd" if config.fd is not None else "unix" if config.uds is not None else "tcp"
    registry: Registry = config.registry
    return registry.named("listener", name) if isinstance(name, str) else registry.given("listener", name)
