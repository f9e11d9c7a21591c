"""The plugin `asgi3`: applications called with scope, receive and send, which is what the kernel speaks."""

from __future__ import annotations

import inspect
from typing import Any

from tricorn.api import ASGIApp, InterfaceProvider, hookimpl

tricorn_api = 1


def takes(app: Any, count: int) -> bool:
    """Whether an application can be called with so many positional arguments; False where it does not say."""
    try:
        inspect.signature(app).bind(*range(count))
    except (TypeError, ValueError):
        return False
    return True


def is_coroutine_function(app: Any) -> bool:
    """Whether calling the application gives a coroutine, as far as that can be told without calling it."""
    if inspect.isclass(app):
        return False
    return inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(getattr(app, "__call__", None))  # noqa: B004


def matches(app: Any) -> bool:
    """A coroutine function or object, a class whose instances can be awaited, or anything that takes three arguments.

    The first two are uvicorn's rule; the third finds plain functions that return an awaitable, and partials.
    """
    if inspect.isclass(app):
        return hasattr(app, "__await__")
    return is_coroutine_function(app) or (callable(app) and takes(app, 3))


def adapt(app: Any) -> ASGIApp:
    """The application as it is."""
    asgi: ASGIApp = app
    return asgi


@hookimpl
def tricorn_interface() -> InterfaceProvider:
    """The plugin `asgi3`."""
    return InterfaceProvider(matches, adapt)
