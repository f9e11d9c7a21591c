"""Lets the pages of a developer's machine read a 500 that comes from outside the application's CORS middleware.

A browser keeps such an answer from the page and reports a CORS error, which hides what has happened
(https://fetch.spec.whatwg.org/#cors-check). For development only: a 500 may hold a traceback.
"""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlsplit

from tricorn.api import ASGIApp, Headers, Message, Receive, Scope, Send, hookimpl

tricorn_api = 1

ALLOW = b"access-control-allow-origin"

BODY = b"Internal Server Error"
FAILURE: Message = {
    "type": "http.response.start",
    "status": 500,
    "headers": [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(BODY))],
}
"""What the server itself answers for an application that raises."""

logger = logging.getLogger("tricorn.error")


@hookimpl
def tricorn_app(app: ASGIApp, settings: Any) -> ASGIApp:
    """The plugin `cors`."""

    async def readable_app(scope: Scope, receive: Receive, send: Send) -> None:
        origin = _field(scope["headers"], b"origin") if scope["type"] == "http" else ""
        if not origin or origin == f"{scope['scheme']}://{_field(scope['headers'], b'host')}":
            return await app(scope, receive, send)
        begun = False

        async def answer(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                if message["status"] == 500 and not _field(message.get("headers", ()), ALLOW):
                    message = readable(message, scope, origin)
            await send(message)

        try:
            return await app(scope, receive, answer)
        except Exception:
            if not begun:
                await answer(FAILURE)
                await send({"type": "http.response.body", "body": BODY})
            raise  # for the log

    return readable_app


def readable(start: Message, scope: Scope, origin: str) -> Message:
    """The start of an answer that a page of this origin may read, if it is a local one; the log is told either way."""
    what = f"this 500 of {scope['method']} {scope['path']!r} to {origin!r}"
    why = "it comes from outside the application's CORS middleware"
    if not local(origin, scope):
        logger.warning("A browser shows %s as a CORS error: %s.", what, why)
        return start
    logger.warning(
        "A browser shows %s as a CORS error: %s. While developing, Access-Control-Allow-Origin is added.", what, why
    )
    fields = [(ALLOW, origin.encode("latin-1")), (b"access-control-allow-credentials", b"true"), (b"vary", b"origin")]
    return {**start, "headers": [*start.get("headers", ()), *fields]}


def local(origin: str, scope: Scope) -> bool:
    """Whether an origin is of the machine that the developer works at, or of the one that the request was sent to."""
    host, asked = (_host(text) for text in (origin, "//" + _field(scope["headers"], b"host")))
    return bool(host) and (host in ("localhost", "127.0.0.1", "::1", asked) or host.endswith(".localhost"))


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # a bracket that does not close
        return ""


def _field(headers: Headers, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in headers if key.lower() == name), "")
