"""uvicorn's WebSocket protocol classes: each stands for the plugin that reads frames with the same library."""

from __future__ import annotations

from tricorn.protocols.stand_ins import stand_in

__all__ = ["AutoWebSocketsProtocol", "WSProtocol", "WebSocketProtocol", "WebSocketsSansIOProtocol"]

WebSocketProtocol = stand_in("ws", "WebSocketProtocol")
WebSocketsSansIOProtocol = stand_in("ws", "WebSocketsSansIOProtocol")
WSProtocol = stand_in("ws", "WSProtocol")
AutoWebSocketsProtocol = stand_in("ws", "AutoWebSocketsProtocol")
