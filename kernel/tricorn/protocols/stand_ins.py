"""Classes that stand for plugins: `Config(http=H11Protocol)` means the plugin that uses h11, as it does in uvicorn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tricorn.registry import UVICORN_NAMES, PluginError, Registry, Selected

DEADLINES = "Deadlines are options (--timeout-request-head, --timeout-request-body, --timeout-write)"
INSTEAD = {
    "RequestResponseCycle": f"{DEADLINES}; a plugin observes or wraps requests (tricorn_observer, tricorn_app)",
    "FlowControl": "the kernel waits for a slow client itself, in `send`",
    "HIGH_WATER_LIMIT": "the kernel waits for a slow client itself, in `send`",
    "service_unavailable": "the kernel answers 503 itself (--limit-concurrency, --limit-connections)",
    "WebsocketBuffer": "messages are put together by the WebSocket plugin, up to --ws-max-size",
    "FrameTooLargeError": "messages over --ws-max-size are refused by the WebSocket plugin",
}
"""What is there in place of uvicorn's names that have no meaning here."""

_MADE: dict[tuple[str, str], Any] = {}


class StandIn:
    """Making an instance gives the provider of the plugin instead. It has nothing to inherit from.

    kind: of the plugin. name: uvicorn's name of the class; one that is no plugin's stands for `auto`.
    """

    kind: str

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """The provider. Raises PluginError when the plugin cannot be had, TypeError for a connection's arguments."""
        if args or kwargs:
            raise TypeError(f"{cls.__name__} makes no connections in tricorn: Server(config) does.")
        registry = Registry()
        if cls.__name__ in UVICORN_NAMES:
            return registry.named(*UVICORN_NAMES[cls.__name__]).provider
        found = registry.auto(cls.kind)
        if found is None:
            raise PluginError(f"No {cls.kind} plugin works here.")
        return found.provider

    def __init_subclass__(cls, stands: bool = False, **kwargs: Any) -> None:
        """Refuse subclasses: what they override is not called."""
        super().__init_subclass__(**kwargs)
        if not stands:
            raise TypeError(
                f"{cls.__mro__[1].__name__} cannot be subclassed in tricorn, whose connections are the kernel's. "
                f"{DEADLINES}; what observes or wraps requests is a plugin (tricorn_observer, tricorn_app)."
            )


def stand_in(kind: str, name: str) -> Any:
    """The class of this name."""
    made = type(name, (StandIn,), {"kind": kind, "__doc__": f"uvicorn's {name}."}, stands=True)
    _MADE[UVICORN_NAMES.get(name, (kind, "auto"))] = made
    return made


def class_of(kind: str, selected: Sequence[Selected]) -> Any:
    """The class that stands for the plugin that was selected, or for any where uvicorn has none; None for none."""
    if not selected:
        return None
    import tricorn.protocols.http  # makes the classes
    import tricorn.protocols.websockets  # noqa: F401

    name = selected[-1].name
    return _MADE.get(UVICORN_NAMES.get(name, (kind, name))) or _MADE[kind, "auto"]


def instead(module: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module that uvicorn has.

    It raises ImportError for the names of INSTEAD: its text reaches who imports one, unlike that of an AttributeError.
    """

    def missing(name: str) -> Any:
        if name in INSTEAD:
            raise ImportError(f"tricorn has no {name}: {INSTEAD[name]}.")
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return missing
