"""uvicorn's protocol classes, which stand for plugins here, and what log processors read from a scope."""

from __future__ import annotations

from asyncio import BaseTransport
from typing import Any

import pytest

from tricorn import Config
from tricorn.api import HttpProvider, WsProvider
from tricorn.config import HTTP_PROTOCOLS, LIFESPAN, LOOP_FACTORIES, WS_PROTOCOLS
from tricorn.importer import import_from_string
from tricorn.protocols.http import AutoHTTPProtocol, H11Protocol, HttpToolsProtocol
from tricorn.protocols.utils import (
    get_client_addr,
    get_local_addr,
    get_path_with_query_string,
    get_remote_addr,
    is_ssl,
)
from tricorn.protocols.websockets import (
    AutoWebSocketsProtocol,
    WebSocketProtocol,
    WebSocketsSansIOProtocol,
    WSProtocol,
)
from tricorn.registry import Registry


@pytest.mark.parametrize(
    ("http", "plugin"), [(H11Protocol, "h11"), (HttpToolsProtocol, "httptools"), (AutoHTTPProtocol, None)]
)
def test_an_http_class_stands_for_its_plugin(http: Any, plugin: str | None) -> None:
    config = Config("app:app", log_config=None, http=http)
    config.select()
    provider = config.selected["http"][0].provider
    assert isinstance(provider, HttpProvider)
    expected = Registry().auto("http") if plugin is None else Registry().load("http", plugin)
    assert expected is not None
    assert vars(provider) == vars(expected.provider)


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
    assert vars(provider) == vars(expected.provider)


@pytest.mark.parametrize(
    ("options", "http", "ws"),
    [
        ({"http": "h11", "ws": "wsproto"}, H11Protocol, WSProtocol),
        ({"http": "httptools", "ws": "websockets"}, HttpToolsProtocol, WebSocketsSansIOProtocol),
        ({"http": "h2,h11", "ws": "frames"}, H11Protocol, AutoWebSocketsProtocol),
        ({"http": H11Protocol, "ws": WSProtocol}, H11Protocol, WSProtocol),
        ({"http": "h2", "ws": "none"}, AutoHTTPProtocol, None),
    ],
)
def test_a_configuration_names_the_classes_that_stand_for_its_plugins(
    options: dict[str, Any], http: Any, ws: Any
) -> None:
    config = Config("app:app", log_config=None, **options)
    assert (config.http_protocol_class, config.ws_protocol_class) == (None, None)
    config.select()
    assert (config.http_protocol_class, config.ws_protocol_class) == (http, ws)


@pytest.mark.parametrize(
    ("option", "table"), [("http", HTTP_PROTOCOLS), ("ws", WS_PROTOCOLS), ("lifespan", LIFESPAN)], ids=str
)
def test_what_uvicorns_tables_name_can_be_imported_and_taken(option: str, table: Any) -> None:
    for name, value in table.items():
        if value is not None:
            import_from_string(value)
        config = Config("app:app", log_config=None, **{option: name})
        config.select()
        assert len(config.selected[option]) == (name != "none")


def test_uvicorns_loop_factories_give_what_makes_the_loop() -> None:
    for name, value in LOOP_FACTORIES.items():
        if value is not None:
            made = import_from_string(value)(use_subprocess=False)
            assert made == Config("app:app", log_config=None, loop=name).get_loop_factory()


def test_a_class_makes_no_connection() -> None:
    with pytest.raises(TypeError, match="H11Protocol makes no connections in tricorn"):
        H11Protocol(config=None, server_state=None, app_state={})


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


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"peername": ("::1", 5, 0, 0), "sockname": ("::1", 6, 0, 0)}, (("::1", 5), ("::1", 6), False)),
        ({"peername": "", "sockname": "/run/s", "sslcontext": object()}, (None, ("/run/s", None), True)),
        ({}, (None, None, False)),
    ],
)
def test_addresses_of_a_transport(known: dict[str, Any], expected: Any) -> None:
    transport = BaseTransport(known)
    assert (get_remote_addr(transport), get_local_addr(transport), is_ssl(transport)) == expected


def test_the_client_as_it_is_logged() -> None:
    assert get_client_addr({"client": ("1.2.3.4", 5)}) == "1.2.3.4:5"
    assert get_client_addr({"client": None}) == ""
