"""WSGI applications as ASGI 3 ones, where the plugin of the interface `wsgi` is installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tricorn.registry import Registry


def WSGIMiddleware(app: Any, workers: int = 10) -> Any:
    """The ASGI 3 application that calls a WSGI one in a pool of so many threads; in uvicorn this is a class.

    Raises PluginError, with the names that are installed, where the plugin is missing.
    """
    entry = Registry().find("interface", "wsgi")
    return import_module(entry.value).WsgiAdapter(app, workers)
