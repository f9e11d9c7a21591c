"""What the proxies' tests ask for: who the client is, uploads, a stream that waits for its reader, WebSockets."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from typing import Any

released = asyncio.Event()


async def answer(send: Any, body: bytes) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": body})


async def digest(receive: Any) -> bytes:
    found, more = hashlib.sha256(), True
    while more:
        event = await receive()
        found.update(event["body"])
        more = event["more_body"]
    return found.hexdigest().encode()


async def stream(send: Any) -> None:
    """The second event leaves only when the first has been read: a proxy that collects would wait for ever."""
    released.clear()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    await send({"type": "http.response.body", "body": b"data: first\n\n", "more_body": True})
    await released.wait()
    await send({"type": "http.response.body", "body": b"data: second\n\n"})


async def echo(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        if event.get("text") == "close":
            await send({"type": "websocket.close", "code": 4001, "reason": "as asked"})
            return
        await send({"type": "websocket.send", "text": event.get("text"), "bytes": event.get("bytes")})


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        raise NotImplementedError("no lifespan")
    if scope["type"] == "websocket":
        await echo(receive, send)
    elif scope["path"] == "/scope":
        host = dict(scope["headers"])[b"host"].decode()
        found = {"client": scope["client"], "scheme": scope["scheme"], "host": host}
        await answer(send, json.dumps(found).encode())
    elif scope["path"] == "/upload":
        await answer(send, await digest(receive))
    elif scope["path"] == "/stream":
        await stream(send)
    elif scope["path"] == "/release":
        released.set()
        await answer(send, b"released")
    else:
        await answer(send, str(os.getpid()).encode())
