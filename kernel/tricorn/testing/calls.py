"""An application whose calls a check plays itself: it sees each scope, and says when to receive, send and return."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from tricorn.api import Message, Receive, Scope, Send

__all__ = ["Call", "Calls"]

Fields = Iterable[tuple[bytes, bytes]]


class Call:
    """One application call.

    scope, receive, send: what the server passed. done: whether the call has ended.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self._receive = receive
        self.send = send
        self.done = False
        self._result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def receive(self) -> Message:
        """The next event."""
        return await self._receive()

    async def body(self) -> bytes:
        """The whole request body."""
        body = bytearray()
        while True:
            event = await self.receive()
            assert event["type"] == "http.request", f"{event['type']} came before the end of the body"
            body += event["body"]
            if not event["more_body"]:
                return bytes(body)

    async def start(self, status: int = 200, headers: Fields = ()) -> None:
        """Send `http.response.start`."""
        await self.send({"type": "http.response.start", "status": status, "headers": list(headers)})

    async def write(self, body: bytes, more_body: bool = False) -> None:
        """Send `http.response.body`."""
        await self.send({"type": "http.response.body", "body": body, "more_body": more_body})

    async def respond(self, body: bytes = b"", status: int = 200, headers: Fields = ()) -> None:
        """Answer with one body event, and return."""
        await self.start(status, headers)
        await self.write(body)
        self.finish()

    def finish(self, result: Any = None) -> None:
        """Return from the application call."""
        self._result.set_result(result)

    def fail(self, error: BaseException) -> None:
        """Raise from the application call."""
        self._result.set_exception(error)

    @property
    def ended(self) -> bool:
        """Whether the call was told to return, or has ended otherwise."""
        return self._result.done()

    def script(self, *events: Message) -> None:
        """Let the application itself send events, without a turn of the loop in between, and return."""
        self._result.set_result(events)

    async def played(self) -> Any:
        """What the application coroutine does: wait for the check to end the call."""
        try:
            result = await self._result
            if not isinstance(result, tuple):
                return result
            for event in result:
                await self.send(event)
            return None
        finally:
            self.done = True


class Calls:
    """The application. `await calls()` is the next call; `count` is how many there were.

    echo: answer every request at once with what `echo` returns for its scope, instead of leaving it to the check.
    """

    def __init__(self, echo: Callable[[Scope], bytes] | None = None) -> None:
        self.count = 0
        self.made: list[Call] = []
        self._echo = echo
        self._waiting: asyncio.Queue[Call] = asyncio.Queue()

    async def app(self, scope: Scope, receive: Receive, send: Send) -> Any:
        """The ASGI application."""
        self.count += 1
        call = Call(scope, receive, send)
        self.made.append(call)
        if self._echo is not None:
            await call.body()
            await call.respond(self._echo(scope))
        else:
            self._waiting.put_nowait(call)
        return await call.played()

    def release(self) -> None:
        """Let every call return that has not been told to."""
        for call in self.made:
            if not call.ended:
                call.finish()

    async def __call__(self) -> Call:
        """The next call, once the server has made it."""
        return await self._waiting.get()
