"""The applications that the servers serve: one per workload, each as small as it can be.

Every application answers the `lifespan` scope by raising, which is how ASGI says "not supported", and every one
answers a plain GET with 200, which is how the harness sees that a server is ready.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

HELLO = b"Hello, World!"
CHUNK = b"c" * 1024
CHUNKS = 64


def constant(body: bytes) -> App:
    """An application that answers every request with `body`."""
    fields = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]

    async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": body})

    return app


plain = constant(HELLO)
bytes_10k = constant(b"k" * 10_240)
bytes_1m = constant(b"m" * 1_048_576)


async def waits(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Gives the loop one turn before it answers, as an application that awaits a ready result does."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    await asyncio.sleep(0)
    fields = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(HELLO))]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": HELLO})


async def echo(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Answers with the request's body."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    message = await receive()
    body = message.get("body", b"")
    if message.get("more_body", False):
        parts = [body]
        while message.get("more_body", False):
            message = await receive()
            parts.append(message.get("body", b""))
        body = b"".join(parts)
    fields = [(b"content-type", b"application/octet-stream"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def count(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Reads the request's body without keeping it and answers with its length."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    length, more = 0, True
    while more:
        message = await receive()
        length += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"%d" % length
    fields = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def stream(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """A body of unknown length, in `CHUNKS` pieces."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    for _ in range(CHUNKS):
        await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def busy(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Computes for about a third of a millisecond, so that no client can be the limit of two workers."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    digest = hashlib.pbkdf2_hmac("sha256", b"benchmark", b"salt", 1000).hex().encode()
    fields = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(digest))]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": digest})


async def ws_echo(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Sends every WebSocket message back."""
    if scope["type"] == "http":
        await plain(scope, receive, send)
        return
    if scope["type"] != "websocket":
        raise NotImplementedError(scope["type"])
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] != "websocket.receive":
            return
        text = message.get("text")
        if text is not None:
            await send({"type": "websocket.send", "text": text})
        else:
            await send({"type": "websocket.send", "bytes": message["bytes"]})
