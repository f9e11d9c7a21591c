"""Quart: requests, a stream, server-sent events and a WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from quart import Quart, Response, request, websocket

app = Quart(__name__)


@app.before_serving
async def start() -> None:
    app.config["STARTED"] = True


@app.get("/")
async def index() -> dict[str, bool]:
    return {"started": app.config["STARTED"]}


@app.post("/size")
async def size() -> dict[str, int]:
    total = 0
    async for part in request.body:
        total += len(part)
    return {"size": total}


@app.get("/events")
async def events() -> Response:
    async def ticks() -> AsyncIterator[bytes]:
        while True:
            yield b"data: tick\n\n"
            await asyncio.sleep(0.05)

    response = Response(ticks(), content_type="text/event-stream")
    response.timeout = None
    return response


@app.websocket("/echo")
async def echo() -> None:
    while True:
        await websocket.send(await websocket.receive())
