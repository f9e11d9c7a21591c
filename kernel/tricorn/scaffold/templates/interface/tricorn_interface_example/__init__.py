"""An interface: objects with a coroutine method `answer` are applications."""

from __future__ import annotations

import inspect
from typing import Any

from tricorn.api import ASGIApp, InterfaceProvider, Receive, Scope, Send, hookimpl

tricorn_api = 1


def matches(app: Any) -> bool:
    """Whether an application is of this kind. It is asked of every application, so it must be sure."""
    return not callable(app) and inspect.iscoroutinefunction(getattr(app, "answer", None))


def adapt(app: Any) -> ASGIApp:
    """The ASGI 3 application that calls one of this kind."""

    async def asgi3_app(scope: Scope, receive: Receive, send: Send) -> None:
        status, text = await app.answer(scope["method"], scope["path"], await read_body(receive))
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text.encode()})

    return asgi3_app


async def read_body(receive: Receive) -> bytes:
    """The whole body, which `--limit-request-body` bounds. Raises ConnectionError when the client has left."""
    body = bytearray()
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise ConnectionError("the client has left")
        body += event.get("body", b"")
        if not event.get("more_body", False):
            return bytes(body)


@hookimpl
def tricorn_interface() -> InterfaceProvider:
    """Without WebSockets: they are answered 403. `matches` says how an application is recognised."""
    return InterfaceProvider(matches, adapt, websockets=False)
