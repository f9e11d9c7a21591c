"""Access lines with more than a request's first line and its status: written when the application has ended.

Only there where a format asks for it: measuring costs what the plain access log spares.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Container

from tricorn.access import left_out
from tricorn.api import ASGIApp, Message, Receive, Scope, Send
from tricorn.log_formats import Details
from tricorn.scope import log_path

logger = logging.getLogger("tricorn.access")


def measured(app: ASGIApp, excluded: Container[str]) -> ASGIApp:
    """The application, with an access record behind every request that carries its `Details`.

    An application that fails before it answers has the server answer 500; of a HEAD no body is sent.
    """

    async def measured_app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)
        details = Details(scope)
        bodyless = scope["method"] == "HEAD"
        began = time.perf_counter()

        async def noting(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.start":
                details.status, details.headers = int(message["status"]), list(message.get("headers", ()))
            elif message["type"] == "http.response.body" and not bodyless:
                details.size += len(message.get("body", b""))

        try:
            return await app(scope, receive, noting)
        finally:
            details.seconds = time.perf_counter() - began
            _log(details, excluded)

    return measured_app


def _log(details: Details, excluded: Container[str]) -> None:
    scope = details.scope
    path = log_path(scope)
    if left_out(path, details.status, excluded):
        return
    client = scope["client"]
    peer = f"{client[0]}:{client[1]}" if client else ""
    arguments = peer, scope["method"], path, scope["http_version"], details.status
    logger.info('%s - "%s %s HTTP/%s" %d', *arguments, extra={"details": details})
