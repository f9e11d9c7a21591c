"""From what the user named to an ASGI 3 application: import, factory, interface."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Sequence
from typing import Any

from tricorn.api import InterfaceProvider
from tricorn.importer import ImportFromStringError, import_from_string
from tricorn.interfaces import asgi3

log = logging.getLogger("tricorn.error")


class AppError(Exception):
    """The application cannot be loaded: one line for the user."""


def import_app(app: Any) -> Any:
    """The object that the user named. Raises AppError; an exception inside the module surfaces unchanged."""
    try:
        return import_from_string(app)
    except ImportFromStringError as error:
        raise AppError(f"Error loading ASGI app. {error}") from None


def call_factory(app: Any, factory: bool) -> Any:
    """The application that a factory returns, or `app` itself where it is not one.

    Without `factory` whatever can be called without arguments, and is neither a coroutine function nor a class, is
    taken for a factory, as uvicorn does. Raises AppError when `factory` is set and calling fails with a TypeError.
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


def choose_interface(
    app: Any, name: Any, providers: Sequence[tuple[str, InterfaceProvider]]
) -> tuple[str, InterfaceProvider]:
    """The first interface that recognises the application. Raises AppError when none does."""
    for kind, provider in providers:
        if provider.matches(app):
            return kind, provider
    what = f'"{name}"' if isinstance(name, str) else "The application"
    article = "an" if type(app).__name__[:1] in "AEIOUaeiou" else "a"
    hint = ""
    if asgi3.takes(app, 2):
        hint = " It takes two arguments as WSGI applications do; a plugin for --interface wsgi serves those."
    raise AppError(f"Error loading ASGI app. {what} is {article} {type(app).__name__}, not an ASGI application.{hint}")
