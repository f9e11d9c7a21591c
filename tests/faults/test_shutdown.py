"""Ending under load: whoever has been accepted is answered."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.load import Load
from tests.servers import HTTP, LOOP, CommandLine, connect, read_all
from tests.watching import Watched


@pytest.mark.parametrize("http", HTTP)
@pytest.mark.parametrize("loop", LOOP)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_under_load_loses_no_request(http: str, loop: str, number: signal.Signals, tmp_path: Path) -> None:
    """In flight, pipelined and not yet read, or just accepted: all of them are answered before the process ends."""
    arguments = ("tests.apps.abuse:app", "--port", "0", "--http", http, "--loop", loop, "--no-access-log")
    with CommandLine(*arguments, directory=tmp_path) as process:
        server = Watched(process)
        with connect(server.address) as slow, Load(server.url) as load:
            load.wait_for(100)
            slow.sendall(b"GET /slow HTTP/1.1\r\nhost: test\r\n\r\n")
            while "slow" not in server.seen():
                pass
            status = process.end(number)
            assert status == (-signal.SIGTERM if number == signal.SIGTERM else 0)
            assert read_all(slow).endswith(b"\r\n\r\ndone")
        assert load.lost == []
        assert not any("ERROR" in line for line in process.log)
