"""Classes that stand for plugins: `Config(http=H11Protocol)` means the plugin that uses h11, as it does in uvicorn."""

from __future__ import annotations

from typing import Any

from tricorn.registry import UVICORN_NAMES, PluginError, Registry


class StandIn:
    """Making an instance gives the provider of the plugin instead. It has nothing to inherit from.

    kind: of the plugin. name: uvicorn's name of the class; one that is no plugin's stands for `auto`.
    """

    kind: str

    def __new__(cls) -> Any:
        """The provider. Raises PluginError when the plugin cannot be had."""
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
                "Deadlines are options (--timeout-request-head, --timeout-request-body, --timeout-write); what "
                "observes or wraps requests is a plugin (tricorn_observer, tricorn_app)."
            )


def stand_in(kind: str, name: str) -> Any:
    """The class of this name."""
    return type(name, (StandIn,), {"kind": kind, "__doc__": f"uvicorn's {name}."}, stands=True)
