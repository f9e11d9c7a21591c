"""The plugin passes the suite of WebSocket codecs."""

from __future__ import annotations

from tricorn.testing.ws import WsCodecSuite


class TestExample(WsCodecSuite):
    plugin = "ws", "example"
