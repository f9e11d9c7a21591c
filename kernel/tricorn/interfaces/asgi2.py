"""The plugin `asgi2`: applications called with the scope, giving an instance called with receive and send."""

from __future__ import annotations

from typing import Any

from tricorn.api import ASGIApp, InterfaceProvider, Receive, Scope, Send, hookimpl
from tricorn.interfaces import asgi3

tricorn_api = 1


def matches(app: Any) -> bool:
    """A class or a plain callable that takes one argument."""
    return callable(app) and not asgi3.matches(app) and asgi3.takes(app, 1)


def adapt(app: Any) -> ASGIApp:
    """An ASGI 3 application that calls an ASGI 2 one."""

    async def asgi3_app(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope)(receive, send)

    return asgi3_app


@hookimpl
def tricorn_interface() -> InterfaceProvider:
    """The plugin `asgi2`."""
    return InterfaceProvider(matches, adapt, asgi_version="2.0")
