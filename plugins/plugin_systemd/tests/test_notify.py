"""systemd is told what it expects, and nothing where it expects nothing."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tricorn.testing import serve
from tricorn_plugin_systemd import notify, watchdog_interval

DEADLINE = 30.0


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Nobody asks it for anything."""


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The socket that messages go to."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(DEADLINE)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.delenv("WATCHDOG_USEC", raising=False)
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        yield sock


def read(sock: socket.socket) -> list[str]:
    return sock.recv(4096).decode().splitlines()


async def test_a_server_tells_that_it_is_ready_and_that_it_stops(systemd: socket.socket) -> None:
    async with serve(app, plugins=["systemd"], lifespan="off"):
        assert read(systemd) == ["READY=1", f"STATUS=Serving in process {os.getpid()}"]
    assert read(systemd) == ["STOPPING=1"]


async def test_a_turning_loop_gives_signs_of_life(systemd: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    async with serve(app, plugins=["systemd"], lifespan="off"):
        assert read(systemd)[0] == "READY=1"
        for _ in range(3):
            assert await asyncio.to_thread(read, systemd) == ["WATCHDOG=1"]


@pytest.mark.parametrize(
    ("pid", "expected"),
    [(None, 15.0), (os.getpid(), 15.0), (os.getppid(), 15.0), (1 << 22, None)],
    ids=["none", "own", "parent", "another"],  # the numbers differ between the processes of a parallel run
)
def test_signs_of_life_are_expected_of_the_service(
    pid: int | None, expected: float | None, systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    if pid is not None:
        monkeypatch.setenv("WATCHDOG_PID", str(pid))
    assert watchdog_interval() == expected


def test_without_systemd_nobody_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    notify("READY=1")
    assert watchdog_interval() is None
    assert not caplog.records


def test_a_socket_in_the_abstract_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"tricorn-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + name)
        sock.settimeout(DEADLINE)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name)
        notify("READY=1")
        assert read(sock) == ["READY=1"]


def test_what_cannot_be_told_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "absent"))
    with caplog.at_level(logging.WARNING, "tricorn.error"):
        notify("READY=1")
    assert "systemd cannot be told READY=1: No such file or directory" in caplog.text
