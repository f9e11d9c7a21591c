"""Every ASGI event of every call in the log, at the level TRACE; bodies and headers stand there by their size only."""

from __future__ import annotations

import itertools
import logging
from typing import Any

from tricorn.api import ASGIApp, Message, Receive, Scope, Send
from tricorn.logging import TRACE_LOG_LEVEL

_SHORT = {"body": "<{} bytes>", "bytes": "<{} bytes>", "text": "<{} chars>", "headers": "<...>"}


def shortened(message: Message | Scope) -> dict[str, Any]:
    """A copy of an event or scope, with the sizes of what may be long, or secret, in its place."""
    return {
        name: _SHORT[name].format(len(value)) if name in _SHORT and value is not None else value
        for name, value in message.items()
    }


class MessageLoggerMiddleware:
    """Logs to `tricorn.asgi`. Calls are numbered; a line begins with the client, if any."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.logger = logging.getLogger("tricorn.asgi")
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application and log the start, each event, and how it ended."""
        client = scope.get("client")
        prefix = f"{client[0]}:{client[1]} - ASGI" if client else "ASGI"
        number = next(self._numbers)

        def log(what: str, *arguments: Any) -> None:
            self.logger.log(TRACE_LOG_LEVEL, f"%s [%d] {what}", prefix, number, *arguments)

        async def logged_receive() -> Message:
            message = await receive()
            log("Receive %s", shortened(message))
            return message

        async def logged_send(message: Message) -> None:
            log("Send %s", shortened(message))
            await send(message)

        log("Started scope=%s", shortened(scope))
        try:
            await self.app(scope, logged_receive, logged_send)
        except BaseException:
            log("Raised exception")
            raise
        log("Completed")
