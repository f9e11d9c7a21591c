"""The plugin passes the suite of WebSocket codecs."""

from __future__ import annotations

from tricorn.testing.ws import WsSuite


class TestExample(WsSuite):
    plugin = "ws", "example"
    deflate = False
