"""python-socketio: rooms and acknowledgements, over long polling and over a WebSocket."""

from __future__ import annotations

import socketio

server = socketio.AsyncServer(async_mode="asgi")
app = socketio.ASGIApp(server)


@server.event
async def shout(session: str, text: str) -> str:
    """Tell everybody, and acknowledge to the one who asked."""
    await server.emit("shouted", text.upper())
    return f"told {text}"
