"""The lines that tell where a server is and what it is made of, in the words that programs wait for."""

from __future__ import annotations

import logging
import os
import socket
from typing import Any

import pytest

import tricorn
from tricorn import Config, announce


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """The log, of a server outside any container."""
    caplog.set_level(logging.INFO, "tricorn.error")
    monkeypatch.setattr(announce, "_inside_container", lambda: False)
    return caplog


def tell(dedicated: bool = False, **options: Any) -> str:
    """Log the address of these options; return the port."""
    config = Config("app:app", log_config=None, **options)
    config.dedicated = dedicated
    with socket.create_server(("127.0.0.1", 0)) as sock:
        announce.log_address(config, [sock])
        return str(sock.getsockname()[1])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "Tricorn running on http://127.0.0.1:PORT (Press CTRL+C to quit)"),
        ({"host": "::1"}, "Tricorn running on http://[::1]:PORT (Press CTRL+C to quit)"),
        ({"host": ""}, "Tricorn running on http://0.0.0.0:PORT (Press CTRL+C to quit)"),
        ({"ssl_certfile": "x"}, "Tricorn running on https://127.0.0.1:PORT (Press CTRL+C to quit)"),
        ({"uds": "/run/s"}, "Tricorn running on unix socket /run/s (Press CTRL+C to quit)"),
        ({"fd": 3}, "Tricorn running on socket ('127.0.0.1', PORT) (Press CTRL+C to quit)"),
    ],
)
def test_where_a_server_is(options: dict[str, Any], text: str, said: pytest.LogCaptureFixture) -> None:
    port = tell(**options)
    assert said.messages == [text.replace("PORT", port)]


def test_a_server_that_nobody_outside_its_container_reaches_says_so(
    said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announce, "_inside_container", lambda: True)
    tell(dedicated=True)
    assert said.messages[1] == ("Only reachable inside this container. Use --host 0.0.0.0 to be reached from outside.")


def test_a_program_that_serves_itself_is_told_nothing_about_containers(
    said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announce, "_inside_container", lambda: True)
    tell()
    assert len(said.messages) == 1


async def test_what_a_server_is_made_of(said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config("app:app", log_config=None, http="h11,httptools", ws="none")
    config.select()
    announce.log_selection(config)
    version = tricorn.__version__
    expected = f"Using tricorn {version}, http h11 {version} + httptools {version}, ws none, loop asyncio"
    assert said.messages[0].startswith(expected)
    monkeypatch.setattr(tricorn, "as_uvicorn", True)
    announce.log_selection(config)
    assert said.messages[1].startswith(f"Using tricorn {version} (as uvicorn), ")


def test_lines_about_processes_are_coloured_for_terminals(said: pytest.LogCaptureFixture) -> None:
    announce.log_process("Started server process [%d]", os.getpid())
    record: Any = said.records[0]
    assert record.getMessage() == f"Started server process [{os.getpid()}]"
    assert record.color_message == "Started server process [\033[36m%d\033[0m]"
