"""Upgrades that nobody takes: served as ordinary requests, and named in the log once for each protocol."""

from __future__ import annotations

import pytest

from tricorn.testing.calls import Calls
from tricorn.testing.http1_client import Http1Client
from tricorn.testing.memory_server import memory_server, run_in_memory
from tricorn.testing.strict import STRICT


def warnings(*upgrades: str, connection: str = "Upgrade") -> list[str]:
    """What the log of a server without WebSockets says about requests that ask for these, all of which are answered."""

    found: list[str] = []

    async def ask() -> None:
        calls = Calls()
        async with memory_server(calls.app, STRICT) as server:
            for upgrade in upgrades:
                head = f"GET / HTTP/1.1\r\nHost: x\r\nConnection: {connection}\r\nUpgrade: {upgrade}\r\n\r\n"
                answer = Http1Client(server).ask_raw(head.encode("latin-1"))
                await (await calls()).respond(b"plain")
                assert await answer.whole() == b"plain"
            found.extend(record.getMessage() for record in server.log)

    run_in_memory(ask())
    return found


def test_the_protocol_asked_for_is_named_once() -> None:
    assert warnings("h2c", "TLS/1.0", "H2C") == [
        'Unsupported upgrade request. A client asked for "h2c": nothing here speaks that.',
        'Unsupported upgrade request. A client asked for "TLS/1.0": nothing here speaks that.',
    ]


def test_a_websocket_is_named_where_there_is_no_plugin_for_it() -> None:
    assert warnings("websocket", "WebSocket") == [
        'Unsupported upgrade request. A client asked for "websocket": WebSockets are off here (--ws, --interface).'
    ]


def test_an_upgrade_that_the_connection_does_not_name_is_none() -> None:
    assert warnings("h2c", connection="keep-alive") == []


@pytest.mark.parametrize(("name", "shown"), [("x" * 900, "x" * 40 + "..."), ('a" \xff\xa0', "a%22 \xff%C2%A0")])
def test_what_the_log_shows_of_a_name_is_short_and_escaped(name: str, shown: str) -> None:
    (line,) = warnings(name)
    assert f'"{shown}"' in line


def test_clients_cannot_fill_the_log_with_names() -> None:
    assert len(warnings(*map(str, range(100)))) == 32
