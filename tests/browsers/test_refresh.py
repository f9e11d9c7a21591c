"""A page in Chromium is loaded again when the server under development has restarted.

Not part of the default run: it needs Chromium, beside which `.ci/run` runs it.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

from tests.servers import DEADLINE, CommandLine

APP = """
import socket

VERSION = b"one"

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    if scope["path"] == "/seen":
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as seen:
            seen.sendto(scope["query_string"], "SEEN")
    policy = b"default-src 'none'; script-src 'nonce-dGVh'; connect-src 'self'"
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-type", b"text/html"), (b"content-security-policy", policy)]})
    page = b"<!doctype html><script nonce='dGVh'>fetch('/seen?" + VERSION + b"')</script>"
    await send({"type": "http.response.body", "body": page})
"""


def test_an_open_page_shows_what_the_restarted_server_answers(tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    assert browser is not None, "this test needs Chromium"
    program = tmp_path / "main.py"
    source = APP.replace("SEEN", str(tmp_path / "seen"))
    program.write_text(source)
    flags = ("--app-dir", str(tmp_path), "--reload-dir", str(tmp_path), "--port", "0", "--plugin", "refresh")
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as seen,
        CommandLine("dev", "main:app", *flags, directory=tmp_path, patience=3 * DEADLINE) as server,
    ):
        seen.bind(str(tmp_path / "seen"))
        seen.settimeout(2 * DEADLINE)
        url = server.url
        server.wait_for("Using tricorn")
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
        opened = subprocess.Popen(
            [browser, *arguments, f"--user-data-dir={tmp_path / 'profile'}", url], stderr=subprocess.DEVNULL
        )
        try:
            assert seen.recv(100) == b"one"
            program.write_text(source.replace('b"one"', 'b"two"'))
            assert seen.recv(100) == b"two"
        finally:
            opened.terminate()
            opened.wait(DEADLINE)
