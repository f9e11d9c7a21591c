"""ASGI 2 applications as ASGI 3 ones."""

from __future__ import annotations

from typing import Any

from tricorn.api import Receive, Scope, Send


class ASGI2Middleware:
    """Calls an application with the scope, and what that gives with receive and send."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application."""
        await self.app(scope)(receive, send)
