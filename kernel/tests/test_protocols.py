"""uvicorn's protocol classes, which stand for plugins here, and what log processors read from a scope."""

from __future__ import annotations

from typing import Any

import pytest

from tricorn import Config
from tricorn.api import HttpProvider, WsProvider
from tricorn.protocols.http import AutoHTTPProtocol, H11Protocol, HttpToolsProtocol
from tricorn.protocols.utils import get_client_addr, get_path_with_query_string
from tricorn.protocols.websockets import (
    AutoWebSocketsProtocol,
    WebSocketProtocol,
    WebSocketsSansIOProtocol,
    WSProtocol,
)
from tricorn.registry import Registry


@pytest.mark.parametrize(
    ("http", "plugin"), [(H11Protocol, "h11"), (HttpToolsProtocol, "httptools"), (AutoHTTPProtocol, "httptools")]
)
def test_an_http_class_stands_for_its_plugin(http: Any, plugin: str) -> None:
    config = Config("app:app", log_config=None, http=http)
    config.select()
    provider = config.selected["http"][0].provider
    assert isinstance(provider, HttpProvider)
    assert provider == Registry().load("http", plugin).provider


@pytest.mark.parametrize(
    ("ws", "plugin"),
    [
        (WSProtocol, "wsproto"),
        (WebSocketProtocol, "websockets"),
        (WebSocketsSansIOProtocol, "websockets"),
        (AutoWebSocketsProtocol, None),
    ],
)
def test_a_websocket_class_stands_for_its_plugin(ws: Any, plugin: str | None) -> None:
    config = Config("app:app", log_config=None, ws=ws)
    config.select()
    provider = config.selected["ws"][0].provider
    assert isinstance(provider, WsProvider)
    expected = Registry().auto("ws") if plugin is None else Registry().load("ws", plugin)
    assert expected is not None
    assert provider == expected.provider


@pytest.mark.parametrize("base", [H11Protocol, HttpToolsProtocol, WebSocketProtocol])
def test_a_subclass_is_refused_with_what_does_its_work_here(base: Any) -> None:
    with pytest.raises(TypeError, match=f"{base.__name__} cannot be subclassed.*--timeout-request-head.*tricorn_app"):
        type("Mine", (base,), {})


@pytest.mark.parametrize(
    ("scope", "text"),
    [
        ({"path": "/a b/é", "query_string": b""}, "/a%20b/%C3%A9"),
        ({"path": "/", "query_string": b"a=%20"}, "/?a=%20"),
    ],
)
def test_the_path_as_it_is_logged(scope: dict[str, Any], text: str) -> None:
    assert get_path_with_query_string(scope) == text


def test_the_client_as_it_is_logged() -> None:
    assert get_client_addr({"client": ("1.2.3.4", 5)}) == "1.2.3.4:5"
    assert get_client_addr({"client": None}) == ""
