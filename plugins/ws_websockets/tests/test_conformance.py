"""The codec passes what the kernel asks of every WebSocket codec, and says why it cannot be had where it cannot."""

from __future__ import annotations

import importlib
import sys

import pytest

from tricorn.api import Unavailable
from tricorn.testing.ws import WsCodecSuite


class TestWebsockets(WsCodecSuite):
    plugin = "ws", "websockets"


def test_a_missing_library_makes_the_plugin_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "websockets"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "websockets", None)
    monkeypatch.delitem(sys.modules, "tricorn_ws_websockets", raising=False)
    with pytest.raises(Unavailable, match="websockets cannot be imported"):
        importlib.import_module("tricorn_ws_websockets")
