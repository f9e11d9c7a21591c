"""An ASGI application that does what a test gives it to do, and keeps what it has seen."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Awaitable, Callable
from typing import Any

Event = dict[str, Any]
Behaviour = Callable[["Call"], Awaitable[Any]]


class Call:
    """One application call: its scope, the events it has received, and the errors that `send` raised."""

    def __init__(self, scope: Event, receive: Callable[[], Awaitable[Event]], send: Callable[[Event], Awaitable[None]]):
        self.scope = scope
        self.events: list[Event] = []
        self.errors: list[str] = []
        self._receive = receive
        self._send = send

    async def receive(self) -> Event:
        """The next event; it is kept."""
        event = await self._receive()
        self.events.append(dict(event))
        return event

    async def body(self) -> bytes:
        """The whole body; what came of it is kept as one event, since every server cuts differently."""
        parts = [await self._receive()]
        while parts[-1].get("more_body"):
            parts.append(await self._receive())
        body = b"".join(part.get("body", b"") for part in parts)
        self.events.append({**parts[-1], "body": body})
        return body

    async def send(self, kind: str, **fields: Any) -> None:
        """Send an event; an error is kept by its type and text and raised again."""
        try:
            await self._send({"type": kind, **fields})
        except Exception as error:
            self.errors.append(f"{type(error).__name__}: {error}")
            raise

    async def start(self, status: int = 200, *headers: tuple[bytes, bytes]) -> None:
        """`http.response.start`."""
        await self.send("http.response.start", status=status, headers=list(headers))

    async def write(self, body: bytes, more: bool = False) -> None:
        """`http.response.body`."""
        await self.send("http.response.body", body=body, more_body=more)


class Recorder:
    """The application. `behave` is what the next call does; `calls` gets each call when it has ended.

    One server of one thread uses it at a time, and one test at a time gives it something to do.
    """

    behave: Behaviour

    def __init__(self) -> None:
        self.calls: queue.Queue[Call] = queue.Queue()
        self.reached = asyncio.Event()

    async def __call__(self, scope: Event, receive: Any, send: Any) -> Any:
        """Serve one call."""
        if scope["type"] == "lifespan":
            scope["state"]["started"] = True
            for phase in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{phase}.complete"})
            return None
        call = Call(scope, receive, send)
        try:
            return await self.behave(call)
        finally:
            self.calls.put(call)
