"""From what the user named to an ASGI 3 application: import, factory, interface."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterable
from typing import Any

from tricorn.api import InterfaceProvider
from tricorn.importer import ImportFromStringError, find_app, import_from_string
from tricorn.interfaces import asgi3
from tricorn.selection import choice

log = logging.getLogger("tricorn.error")


class AppError(Exception):
    """The application cannot be loaded: one line for the user."""


def import_app(app: Any) -> Any:
    """The object that the user named: an object, `module:attribute`, a module, or a file.

    Raises AppError; an exception inside the module surfaces unchanged.
    """
    try:
        return import_from_string(find_app(app) if isinstance(app, str) else app)
    except ImportFromStringError as error:
        raise AppError(f"Error loading ASGI app. {error}") from None


def call_factory(app: Any, factory: bool) -> Any:
    """The application that a factory returns, or `app` itself where it is not one.

    Without `factory` whatever can be called without arguments, and is no coroutine function, is taken for a factory,
    as uvicorn does. Raises AppError when `factory` is set and calling fails with a TypeError.
    """
    if not factory:
        if inspect.isclass(app) and hasattr(app, "__await__"):
            return app
        if asgi3.is_coroutine_function(app) or not callable(app) or not asgi3.takes(app, 0):
            return app
    try:
        made = app()
    except TypeError as error:
        if factory:
            raise AppError(f"Error loading ASGI app factory: {error}") from None
        return app
    if not factory:
        log.warning("ASGI app factory detected. Using it, but please consider setting the --factory flag explicitly.")
    return made


def adapted(config: Any, app: Any) -> Any:
    """The application as ASGI 3, by the interface that the configuration names or the first that recognises it.

    Sets `asgi_version`, switches WebSockets off where the interface has none, and notes the choice in
    `config.interface`. Raises AppError and PluginError.
    """
    registry = config.registry
    wanted = choice(config, "interface")
    if wanted != "auto":
        provider = registry.named("interface", wanted).provider
    else:
        # What gives a coroutine is asgi3. For the rest that comes last: what takes any arguments would pass for it.
        own = ("asgi3",) if asgi3.is_coroutine_function(app) else ("asgi2",)
        names = [*own, *(name for name in registry.names("interface") if name not in ("asgi2", "asgi3")), "asgi3"]
        known = ((name, registry.named("interface", name).provider) for name in names)
        config.interface, provider = choose_interface(app, config.app, known)
    config.asgi_version = provider.asgi_version
    if not provider.websockets:
        config.selected["ws"] = []
    return provider.adapt(app)


def choose_interface(
    app: Any, name: Any, providers: Iterable[tuple[str, InterfaceProvider]]
) -> tuple[str, InterfaceProvider]:
    """The first interface that recognises the application. Raises AppError when none does."""
    for kind, provider in providers:
        if provider.matches(app):
            return kind, provider
    what = f'"{name}"' if isinstance(name, str) else "The application"
    article = "an" if type(app).__name__[:1] in "AEIOUaeiou" else "a"
    hint = ""
    if asgi3.takes(app, 2):
        hint = " It takes two arguments as WSGI applications do: pip install tricorn-interface-wsgi serves those."
    raise AppError(f"Error loading ASGI app. {what} is {article} {type(app).__name__}, not an ASGI application.{hint}")
