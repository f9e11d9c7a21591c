"""An ASGI application whose paths misbehave in one way each, and say in `/seen` what they have seen."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

BLOCK = bytes(1 << 20)
NOISE = os.urandom(1 << 20)
GIGABYTE = 1 << 30
BLOCKED = 2.5
"""Seconds for which one of the applications blocks the loop."""

seen: Counter[str] = Counter()
served = 0
released: asyncio.Event
blocking = threading.Event()


async def start(send: Send, status: int = 200, **fields: str) -> None:
    headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def answer(send: Send, body: bytes = b"ok") -> None:
    await start(send, content_length=str(len(body)))
    await send({"type": "http.response.body", "body": body})


async def healthy(scope: Scope, receive: Receive, send: Send) -> None:
    """What a well-behaved client asks for meanwhile."""
    global served
    served += 1
    await answer(send)


async def tell(scope: Scope, receive: Receive, send: Send) -> None:
    """The counters."""
    await answer(send, json.dumps(seen).encode())


async def release(scope: Scope, receive: Receive, send: Send) -> None:
    """Let all that wait go on."""
    released.set()
    await answer(send)


async def stream(scope: Scope, receive: Receive, send: Send) -> None:
    """A gigabyte, as fast as the server takes it."""
    await start(send)
    while seen["sent"] < GIGABYTE:
        await send({"type": "http.response.body", "body": BLOCK, "more_body": True})
        seen["sent"] += len(BLOCK)
    await send({"type": "http.response.body"})


async def fresh(scope: Scope, receive: Receive, send: Send) -> None:
    """A gigabyte, of which each piece is memory of its own."""
    await start(send)
    for number in range(GIGABYTE // 16384):
        await send({"type": "http.response.body", "body": b"%16384d" % number, "more_body": True})
        seen["fresh"] += 1
    await send({"type": "http.response.body"})


async def deaf(scope: Scope, receive: Receive, send: Send) -> None:
    """Never looks at what it receives, and goes on sending until it is released."""
    await start(send)
    while not released.is_set():
        await send({"type": "http.response.body", "body": b"still here\n", "more_body": True})
        seen["deaf"] += 1
        await asyncio.sleep(0.01)
    await send({"type": "http.response.body"})
    seen["deaf returned"] += 1


async def unread(scope: Scope, receive: Receive, send: Send) -> None:
    """Does not read its body until it is released."""
    seen["unread"] += 1
    await released.wait()
    await answer(send)


async def never(scope: Scope, receive: Receive, send: Send) -> None:
    """Never answers, but notices when the client leaves."""
    seen["waiting"] += 1
    while (await receive())["type"] != "http.disconnect":
        pass
    seen["disconnected"] += 1


async def read(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads its body, and says what came after the last piece when it is not the end."""
    seen["reading"] += 1
    event: dict[str, Any] = {"more_body": True}
    size = 0
    while event.get("more_body", False):
        event = await receive()
        size += len(event.get("body", b""))
    if event["type"] == "http.disconnect":
        seen["cut"] += 1
        return
    await answer(send, b"%d" % size)


async def listen(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers without an end, as long as somebody listens."""
    await start(send)
    await send({"type": "http.response.body", "body": b"listening\n", "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        pass
    await send({"type": "http.response.body", "body": b"goodbye\n"})


async def block(scope: Scope, receive: Receive, send: Send) -> None:
    """Blocks the loop, as code that was not written for one does."""
    blocking.set()
    time.sleep(BLOCKED)  # noqa: ASYNC251
    await answer(send)


async def slow(scope: Scope, receive: Receive, send: Send) -> None:
    """Takes a moment before the first byte and one before the last."""
    seen["slow"] += 1
    await asyncio.sleep(0.1)
    await start(send, content_length="4")
    await send({"type": "http.response.body", "body": b"do", "more_body": True})
    await asyncio.sleep(0.1)
    await send({"type": "http.response.body", "body": b"ne"})


async def later(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers in a second."""
    seen["later"] += 1
    await asyncio.sleep(1)
    await answer(send)


async def fail(scope: Scope, receive: Receive, send: Send) -> None:
    """Raises before it answers."""
    raise RuntimeError("out of order")


async def fail_late(scope: Scope, receive: Receive, send: Send) -> None:
    """Raises in the middle of its answer."""
    await start(send)
    await send({"type": "http.response.body", "body": b"the first half", "more_body": True})
    raise RuntimeError("out of order")


async def leave(scope: Scope, receive: Receive, send: Send) -> None:
    """Calls sys.exit()."""
    raise SystemExit(7)


async def silent(scope: Scope, receive: Receive, send: Send) -> None:
    """Returns without a word."""


async def twice(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers once more than it was asked."""
    await answer(send)
    try:
        await answer(send)
    except RuntimeError:
        seen["told off"] += 1
        raise


async def websocket(scope: Scope, receive: Receive, send: Send) -> None:
    """Echoes, unless its path says that it takes a second for that, does not read, or only sends: a gigabyte in
    messages of a megabyte."""
    await receive()
    await send({"type": "websocket.accept"})
    if scope["path"] == "/unread":
        seen["unread"] += 1
        await released.wait()
    if scope["path"] == "/flood":
        for _ in range(GIGABYTE // len(BLOCK)):
            await send({"type": "websocket.send", "bytes": NOISE})
            seen["messages"] += 1
    while (event := await receive())["type"] != "websocket.disconnect":
        if scope["path"] == "/later":
            seen["later"] += 1
            await asyncio.sleep(1)
        await send({"type": "websocket.send", "text": event.get("text"), "bytes": event.get("bytes")})
    seen[f"closed {event['code']}"] += 1


async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """Start anew, and say in the end how many requests for `/` there were."""
    global released, served
    seen.clear()
    served = 0
    released = asyncio.Event()
    for phase in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{phase}.complete"})
    print(f"served {served}", file=sys.stderr)


PATHS = {
    "/": healthy, "/seen": tell, "/release": release, "/stream": stream, "/fresh": fresh, "/deaf": deaf,
    "/unread": unread, "/never": never, "/read": read, "/block": block, "/slow": slow, "/fail": fail,
    "/fail-late": fail_late, "/leave": leave, "/listen": listen, "/later": later, "/silent": silent, "/twice": twice,
}  # fmt: skip


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Call what the path names."""
    if scope["type"] == "http":
        await PATHS[scope["path"]](scope, receive, send)
    else:
        await {"lifespan": lifespan, "websocket": websocket}[scope["type"]](scope, receive, send)
