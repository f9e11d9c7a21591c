"""WSGI applications (PEP 3333) as ASGI ones: every call in a thread, bodies streamed both ways."""

from __future__ import annotations

import inspect
from typing import Any

from tricorn.api import ASGIApp, InterfaceProvider, hookimpl
from tricorn_interface_wsgi.adapter import WsgiAdapter

__all__ = ["WsgiAdapter", "adapt", "matches", "tricorn_api", "tricorn_interface"]

tricorn_api = 1


def matches(app: Any) -> bool:
    """What is called with two arguments, no more and no less, and gives no coroutine."""
    call = app if inspect.isroutine(app) else getattr(app, "__call__", None)  # noqa: B004
    if inspect.isclass(app) or call is None or inspect.iscoroutinefunction(call):
        return False
    return _takes(call, 2) and not _takes(call, 3)


def _takes(call: Any, count: int) -> bool:
    try:
        inspect.signature(call).bind(*range(count))
    except (TypeError, ValueError):
        return False
    return True


def adapt(app: Any) -> ASGIApp:
    """The ASGI 3 application that calls a WSGI one."""
    return WsgiAdapter(app)


@hookimpl
def tricorn_interface() -> InterfaceProvider:
    """The plugin `wsgi`."""
    return InterfaceProvider(matches, adapt, websockets=False)
