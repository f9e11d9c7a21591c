"""The smallest application: `tricorn --app-dir examples hello:app`, and it says hello to whoever asks."""

from __future__ import annotations

from typing import Any


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer every request with a greeting (ASGI 3)."""
    if scope["type"] != "http":
        raise NotImplementedError(f"This example does not speak {scope['type']}.")
    body = f"Hello from {scope['path']}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
