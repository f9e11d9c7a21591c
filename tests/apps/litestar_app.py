"""Litestar: requests, server-sent events and a WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Request, get, post, websocket_listener
from litestar.response import ServerSentEvent


@asynccontextmanager
async def lifespan(app: Litestar) -> AsyncIterator[None]:
    app.state.started = True
    yield


@get("/")
async def index(request: Request[Any, Any, Any]) -> dict[str, bool]:
    return {"started": request.app.state.started}


@post("/size", request_max_body_size=None)
async def size(request: Request[Any, Any, Any]) -> dict[str, int]:
    total = 0
    async for part in request.stream():
        total += len(part)
    return {"size": total}


@get("/events")
async def events() -> ServerSentEvent:
    async def ticks() -> AsyncIterator[str]:
        while True:
            yield "tick"
            await asyncio.sleep(0.05)

    return ServerSentEvent(ticks())


@websocket_listener("/echo")
async def echo(data: str) -> str:
    return data


app = Litestar([index, size, events, echo], lifespan=[lifespan])
