"""The WebSocket side, by channels."""

from __future__ import annotations

from channels.exceptions import DenyConnection
from channels.generic.websocket import AsyncWebsocketConsumer


class EchoConsumer(AsyncWebsocketConsumer):
    """Sends every message back as it came; the text `close CODE` ends the conversation with that code."""

    async def connect(self) -> None:
        """Accept, with the subprotocol that both know; `?refuse` in the URL is denied."""
        if b"refuse" in self.scope["query_string"]:
            raise DenyConnection
        await self.accept("echo.v1" if "echo.v1" in self.scope["subprotocols"] else None)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """One message."""
        if text_data is not None and text_data.startswith("close "):
            await self.close(int(text_data.split()[1]), "as you wish")
        elif text_data is not None:
            await self.send(text_data=text_data)
        else:
            await self.send(bytes_data=bytes_data)
