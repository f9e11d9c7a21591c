"""A side plugin with an option of its own, a middleware and an observer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tricorn.api import ASGIApp, Observer, Option, Receive, Scope, Send, hookimpl

tricorn_api = 1


@hookimpl
def tricorn_options() -> Sequence[Option]:
    """`--example-header`, the variable TRICORN_EXAMPLE_HEADER, and a keyword of `run()` and `Config`."""
    return [Option("example_header", "Value of the header x-example in every response.", default="yes")]


@hookimpl
def tricorn_app(app: ASGIApp, settings: Any) -> ASGIApp:
    """Wrap the application: add the header to its responses."""
    field = (b"x-example", settings.example_header.encode("latin-1"))

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_header(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), field]}
            await send(message)

        await app(scope, receive, send_with_header if scope["type"] == "http" else send)

    return wrapped


class ExampleObserver:
    """Counts what the server does. A method that is left out costs nothing; one that blocks holds up the server."""

    def __init__(self) -> None:
        self.requests = 0
        self.errors = 0

    def request(self, scope: Scope) -> None:
        """An application call starts."""
        self.requests += 1

    def response(self, scope: Scope, status: int) -> None:
        """The response head has been sent."""
        self.errors += status >= 500

    def finished(self, scope: Scope) -> None:
        """The application call has ended."""


observer = ExampleObserver()


@hookimpl
def tricorn_observer(settings: Any) -> Observer:
    """Who is told of every request."""
    return observer
