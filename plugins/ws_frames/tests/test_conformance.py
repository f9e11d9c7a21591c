"""The codec passes what the kernel asks of every WebSocket codec."""

from __future__ import annotations

from tricorn.testing.ws import WsCodecSuite


class TestFrames(WsCodecSuite):
    plugin = "ws", "frames"
