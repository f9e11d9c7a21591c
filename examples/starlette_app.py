"""A Starlette application: `tricorn --app-dir examples starlette_app:app`; needs starlette and sse-starlette.

Static files with ranges and validators, uploads, streams, server-sent events and a WebSocket.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from sse_starlette.sse import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

STATIC = Path(__file__).parent / "static"


class Audience:
    """Who listens to the events."""

    def __init__(self) -> None:
        self.size = 0
        self.gone = asyncio.Event()

    @contextmanager
    def member(self) -> Iterator[None]:
        """Count somebody in for as long as the block runs."""
        if self.size == 0:
            self.gone = asyncio.Event()
        self.size += 1
        try:
            yield
        finally:
            self.size -= 1
            if self.size == 0:
                self.gone.set()

    async def until_empty(self) -> None:
        """Return when nobody listens."""
        if self.size:
            await self.gone.wait()


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
    """Make what all requests share: it is `request.state.audience`."""
    yield {"audience": Audience()}


async def index(request: Request) -> Response:
    """Say hello."""
    return JSONResponse({"message": "Hello from Starlette"})


async def echo(request: Request) -> Response:
    """Give a small body back with the type it came with."""
    return Response(await request.body(), media_type=request.headers.get("content-type"))


async def checksum(request: Request) -> Response:
    """Read a body of any size without ever holding it whole."""
    digest, size = hashlib.sha256(), 0
    async for chunk in request.stream():
        digest.update(chunk)
        size += len(chunk)
    return JSONResponse({"size": size, "sha256": digest.hexdigest()})


async def numbers(request: Request) -> Response:
    """Send one line after the other."""
    count = int(request.query_params.get("count", 10))

    async def lines() -> AsyncIterator[str]:
        for number in range(count):
            yield f"{number}\n"

    return StreamingResponse(lines(), media_type="text/plain")


async def events(request: Request) -> Response:
    """Server-sent events until the client leaves."""
    audience: Audience = request.state.audience

    async def ticks() -> AsyncIterator[dict[str, Any]]:
        with audience.member():
            for number in itertools.count():
                yield {"data": number}
                await asyncio.sleep(0.05)

    return EventSourceResponse(ticks())


async def listeners(request: Request) -> Response:
    """How many clients listen to the events; with `?wait=1` the answer comes when nobody does."""
    audience: Audience = request.state.audience
    if "wait" in request.query_params:
        await audience.until_empty()
    return JSONResponse({"listeners": audience.size})


async def talk(websocket: WebSocket) -> None:
    """Send every message back as it came; the text `close CODE` ends the conversation with that code."""
    if "refuse" in websocket.query_params:
        await websocket.send_denial_response(JSONResponse({"error": "not today"}, 418, {"x-why": "teapot"}))
        return
    await websocket.accept("echo.v1" if "echo.v1" in websocket.scope["subprotocols"] else None)
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        if text is None:
            await websocket.send_bytes(message["bytes"])
        elif text.startswith("close "):
            await websocket.close(int(text.split()[1]), "as you wish")
            return
        else:
            await websocket.send_text(text)


app = Starlette(
    routes=[
        Route("/", index),
        Route("/echo", echo, methods=["POST"]),
        Route("/checksum", checksum, methods=["POST"]),
        Route("/numbers", numbers),
        Route("/events", events),
        Route("/listeners", listeners),
        WebSocketRoute("/echo", talk),
        Mount("/static", StaticFiles(directory=STATIC, html=True)),
    ],
    lifespan=lifespan,
)
