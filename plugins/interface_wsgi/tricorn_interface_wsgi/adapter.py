"""One WSGI call: a2wsgi's responder, with a body that can be read like a file, and an end when the client has left."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import io
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from a2wsgi.wsgi import WSGIResponder, build_environ

from tricorn.api import Headers, Receive, Scope, Send

THREADS = 10
"""Calls that run at the same time; as many as uvicorn's and a2wsgi's."""
QUEUE = 10
"""Pieces of a response that wait for a client that reads slowly, before the application does."""


class WsgiAdapter:
    """The ASGI 3 application for a WSGI one."""

    def __init__(self, app: Any, threads: int = THREADS) -> None:
        self.app = app
        self.executor = ThreadPoolExecutor(threads, thread_name_prefix="wsgi")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request. Raises RuntimeError for the lifespan, which WSGI does not have."""
        if scope["type"] != "http":
            raise RuntimeError(f"WSGI applications know no {scope['type']!r}.")
        await Call(self.app, self.executor)(scope, receive, send)


class Call(WSGIResponder):
    """One request and its response.

    Two threads work on it: the loop's, which receives and sends, and the one in which the application runs. `_gone` is
    set by the first and read by the second, whose next piece of the response then raises instead of waiting.
    """

    def __init__(self, app: Any, executor: ThreadPoolExecutor) -> None:
        super().__init__(app, executor, QUEUE)
        self.loop = asyncio.get_running_loop()
        self._gone = False
        self._failure: Exception | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Run the application in a thread. Raises what it raises, unless the client has left."""
        body = Body(self.loop, receive)
        told: Any = {**scope, "headers": plain(scope["headers"])}
        environ: Any = build_environ(told, cast("Any", body))
        environ["wsgi.input"] = io.BufferedReader(body)
        environ["wsgi.input_terminated"] = True
        environ["wsgi.errors"] = sys.stderr
        sender = asyncio.ensure_future(self.sender(send))
        watch = asyncio.ensure_future(self._watch(body, scope, receive))
        run = functools.partial(contextvars.copy_context().run, self.wsgi, environ, self.start_response)
        try:
            await self.loop.run_in_executor(self.executor, run)
            await self.send_queue.put(None)
            await sender
            if self.exc_info is not None:
                raise self.exc_info[1].with_traceback(self.exc_info[2])
        except ClientGone:
            if self._failure is not None:
                raise self._failure from None
        finally:
            self._gone = True
            watch.cancel()
            sender.cancel()
            while not self.send_queue.empty():  # lets a thread go on that waits for room
                self.send_queue.get_nowait()

    async def sender(self, send: Any) -> None:
        """Pass the events on as they come. After one that cannot be sent the application is told to end."""
        while (message := await self.send_queue.get()) is not None:
            if not self._gone:
                try:
                    await send(message)
                except Exception as error:
                    self._failure = error
                    self._gone = True
        if self._failure is not None:
            raise self._failure

    async def _watch(self, body: Body, scope: Scope, receive: Receive) -> None:
        """Notice that the client has left. Only one may receive: while the body is read, that is the application."""
        if not any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"]):
            await body.fill()  # probably its end, which the application may not ask for
        await body.complete.wait()
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone = True

    def send(self, message: Any) -> None:
        """Called in the application's thread, for each event of the response. Raises ClientGone."""
        if self._gone:
            raise ClientGone("the client has left")
        super().send(message)


class ClientGone(ConnectionError):
    """What an application's next step raises when nobody wants its answer any more."""


class Body(io.RawIOBase):
    """The request's body as a file, read in the application's thread; `complete` is set in the loop's."""

    def __init__(self, loop: asyncio.AbstractEventLoop, receive: Receive) -> None:
        self._loop = loop
        self._receive = receive
        self._rest = b""
        self._more = True
        self._gone = False
        self._one = asyncio.Lock()
        self.complete = asyncio.Event()

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with what has arrived; wait when nothing has. Raises ClientGone inside the body."""
        while not self._rest and self._more:
            asyncio.run_coroutine_threadsafe(self.fill(), self._loop).result()
        if self._gone:
            raise ClientGone("the client left before the end of the request body")
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    async def fill(self) -> None:
        """Receive the next piece, unless one waits to be read; called in the loop, by whoever needs it first."""
        async with self._one:
            if self._rest or not self._more:
                return
            message = await self._receive()
            self._gone = message["type"] == "http.disconnect"
            self._rest = message.get("body", b"")
            self._more = message.get("more_body", False)
            if not self._more:
                self.complete.set()


def plain(headers: Headers) -> Headers:
    """The fields that WSGI's environment can tell apart, with several of Cookie as one (RFC 9113 section 8.2.3)."""
    cookies = [value for name, value in headers if name == b"cookie"]
    others = [(name, value) for name, value in headers if name != b"cookie" and b"_" not in name]
    return [*others, (b"cookie", b"; ".join(cookies))] if cookies else others
