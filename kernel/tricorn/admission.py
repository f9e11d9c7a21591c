"""How many application calls run at the same time: the others wait for their turn, in order and in bounded number."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from tricorn.api import ASGIApp, Receive, Scope, Send

__all__ = ["Admission"]

_HEADERS = [(b"content-type", b"text/plain; charset=utf-8"), (b"retry-after", b"1")]
_BODY = b"Service Unavailable"


class Admission:
    """An application around another one, of which at most `limit` calls run and at most `waiting` wait.

    Further requests and WebSockets are answered 503 with Retry-After. A call gets its turn in the order of arrival, and
    gives it up when it returns, its background work included.
    """

    def __init__(self, app: ASGIApp, limit: int, waiting: int) -> None:
        self._app = app
        self._free = limit
        self._waiting = waiting
        self._queue: deque[asyncio.Future[None]] = deque()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        """The ASGI application."""
        if self._free > 0:
            self._free -= 1
        elif len(self._queue) < self._waiting:
            await self._turn()
        else:
            return await self._turn_away(scope, receive, send)
        try:
            return await self._app(scope, receive, send)
        finally:
            self._pass_on()

    async def _turn(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._queue.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                self._queue.remove(waiter)
            else:
                self._pass_on()  # the turn came together with the cancellation
            raise

    def _pass_on(self) -> None:
        """Give a turn to the next who waits."""
        while self._queue:
            waiter = self._queue.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1

    @staticmethod
    async def _turn_away(scope: Scope, receive: Receive, send: Send) -> None:
        prefix = "http"
        if scope["type"] == "websocket":
            await receive()
            prefix = "websocket.http"
        await send({"type": f"{prefix}.response.start", "status": 503, "headers": _HEADERS})
        await send({"type": f"{prefix}.response.body", "body": _BODY})
