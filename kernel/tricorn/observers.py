"""Who is told of what happens: side plugins of the server's start and stop, observers of every application call.

The wrapper around the application exists only where there are observers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from tricorn.api import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("tricorn.error")

STARTS = ("http.response.start", "websocket.http.response.start")
HANDSHAKES = {"websocket.accept": 101, "websocket.close": 403}
"""What answers a WebSocket handshake, and the status that it is answered with."""


class Notes:
    """The observers' methods of one name, in a tuple made once. One that raises is logged and dropped."""

    def __init__(self, observers: Sequence[Any], name: str) -> None:
        found = (getattr(observer, name, None) for observer in observers)
        self.methods: tuple[Callable[..., None], ...] = tuple(method for method in found if method is not None)

    def __call__(self, *arguments: Any) -> None:
        """Tell every observer."""
        for method in self.methods:
            try:
                method(*arguments)
            except Exception:
                log.exception("The observer %r failed and is not told any more.", method)
                self.methods = tuple(other for other in self.methods if other is not method)


def observed(app: ASGIApp, observers: Sequence[Any]) -> ASGIApp:
    """The application, with the observers told of its requests; the lifespan is none."""
    request, response, finished = (Notes(observers, name) for name in ("request", "response", "finished"))

    async def observed_app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await app(scope, receive, send)
        inner = send
        if response.methods:
            begun = False

            async def inner(message: Message) -> None:
                nonlocal begun
                await send(message)
                if not begun:
                    status = message["status"] if message["type"] in STARTS else HANDSHAKES.get(message["type"])
                    if status is not None:
                        begun = True
                        response(scope, status)

        request(scope)
        try:
            return await app(scope, receive, inner)
        finally:
            finished(scope)

    return observed_app


def notify(config: Any, hook: str, kernel: Any) -> None:
    """Call `tricorn_started` or `tricorn_stopping` of the side plugins; one that fails is logged."""
    registry = config.registry
    for plugin in config.selected["plugin"]:
        if registry.implementations(hook, [plugin.provider]):
            try:
                registry.call(plugin, hook, kernel=kernel)
            except Exception:
                log.exception("The %s failed in %s.", plugin.entry, hook)
