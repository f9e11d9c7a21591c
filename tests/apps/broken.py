"""Applications that cannot be served."""

from __future__ import annotations

from typing import Any


async def refuses_to_start(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Says in its start-up why it cannot work."""
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})
