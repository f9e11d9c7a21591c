"""A FastAPI application: `tricorn --app-dir examples fastapi_app:app`; needs fastapi and python-multipart.

It shows what needs more of a server than one answer to one request: state made at start-up, uploads taken piece by
piece, streams that notice when nobody listens any more, and WebSockets.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request, UploadFile, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel


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
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    """Keep a folder for uploads as long as the server runs; every request finds it as `request.state.folder`."""
    with tempfile.TemporaryDirectory(prefix="tricorn-example-") as folder:
        yield {"folder": Path(folder), "audience": Audience()}


app = FastAPI(lifespan=lifespan)


class Item(BaseModel):
    """What can be ordered."""

    name: str
    price: float
    amount: int = 1


@app.api_route("/", methods=["GET", "HEAD"])
async def index() -> dict[str, str]:
    """Say hello."""
    return {"message": "Hello from FastAPI"}


@app.post("/items", status_code=201)
async def order(item: Item) -> dict[str, Any]:
    """Validate an order and say what it costs."""
    return {"name": item.name, "total": item.price * item.amount}


@app.post("/checksum")
async def checksum(request: Request) -> dict[str, Any]:
    """Read a body of any size without ever holding it whole."""
    digest, size = hashlib.sha256(), 0
    async for chunk in request.stream():
        digest.update(chunk)
        size += len(chunk)
    return {"size": size, "sha256": digest.hexdigest()}


@app.post("/files", status_code=201)
async def upload(request: Request, file: UploadFile) -> dict[str, Any]:
    """Store a file from a form."""
    content = await file.read()
    (request.state.folder / Path(file.filename or "unnamed").name).write_bytes(content)
    return {"name": file.filename, "size": len(content)}


@app.get("/files/{name}")
async def download(request: Request, name: str) -> FileResponse:
    """Give a stored file back, or the ranges of it that the client asks for."""
    path = request.state.folder / name
    if not path.is_file():
        raise HTTPException(404)
    return FileResponse(path)


@app.get("/numbers")
async def numbers(count: int = 10) -> StreamingResponse:
    """Send one line after the other."""

    async def lines() -> AsyncIterator[str]:
        for number in range(count):
            yield f"{number}\n"

    return StreamingResponse(lines(), media_type="text/plain")


@app.get("/events")
async def events(request: Request) -> StreamingResponse:
    """Server-sent events until the client leaves, which ends the generator."""
    audience: Audience = request.state.audience

    async def ticks() -> AsyncIterator[str]:
        with audience.member():
            for number in itertools.count():
                yield f"data: {number}\n\n"
                await asyncio.sleep(0.05)

    return StreamingResponse(ticks(), media_type="text/event-stream")


@app.get("/listeners")
async def listeners(request: Request, wait: bool = False) -> dict[str, int]:
    """How many clients listen to the events; with `?wait=1` the answer comes when nobody does."""
    audience: Audience = request.state.audience
    if wait:
        await audience.until_empty()
    return {"listeners": audience.size}


@app.websocket("/echo")
async def echo(websocket: WebSocket) -> None:
    """Send every message back as it came; the text `close CODE` ends the conversation with that code."""
    offered = websocket.scope["subprotocols"]
    await websocket.accept(subprotocol="echo.v1" if "echo.v1" in offered else None)
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


@app.websocket("/rooms/{name}")
async def room(websocket: WebSocket, name: str, token: str = "") -> None:
    """Greet who brings a token; answer everybody else before there is a WebSocket at all."""
    if not token:
        raise HTTPException(401, "no token")
    await websocket.accept()
    await websocket.send_json({"room": name, "token": token})
    try:
        while True:
            await websocket.send_json({"you said": await websocket.receive_json()})
    except WebSocketDisconnect:
        return
