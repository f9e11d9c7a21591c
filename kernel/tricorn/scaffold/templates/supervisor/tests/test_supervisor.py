"""A process that is killed is replaced, and a signal to the parent ends both."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

APP = """
import os

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
"""
SERVE = [sys.executable, "-m", "tricorn", "main:app", "--supervisor", "example", "--lifespan", "off", "--port", "0"]


def fetch(port: str) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=30) as response:
        return int(response.read())


def test_a_process_that_ends_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(APP)
    with subprocess.Popen(SERVE, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stderr is not None
            found = None
            while found is None:
                line = parent.stderr.readline()
                assert line, "the server ended"
                found = re.search(r"Listening on \('127\.0\.0\.1', (\d+)\)", line)
            first = fetch(found[1])
            os.kill(first, signal.SIGKILL)
            while f"[{first}] ended with status -9" not in line:
                line = parent.stderr.readline()
                assert line, "the server ended"
            second = fetch(found[1])
            assert len({parent.pid, first, second}) == 3
        finally:
            parent.send_signal(signal.SIGTERM)
            parent.stderr.read()
            assert parent.wait(30) == 0


def test_a_server_that_cannot_start_is_not_started_again(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("app = None")
    assert subprocess.run(SERVE, cwd=tmp_path, stderr=subprocess.DEVNULL, timeout=30, check=False).returncode == 3
