"""`tricorn dev`: keys on a terminal, none elsewhere; and the application that nobody named."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import signal
import ssl
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.servers import DEADLINE

APP = """
import logging
logging.getLogger("tricorn.error").debug("imported")

async def app(scope, receive, send):
    if scope["type"] == "http":
        if scope["path"] == "/debug":
            breakpoint()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"served"})
"""


class Terminal:
    """`tricorn dev` in a terminal of its own: what it prints, and keys pressed."""

    def __init__(self, *arguments: str, directory: Path, **env: str) -> None:
        self._master, slave = pty.openpty()
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "tricorn", "dev", "--port", "0", *arguments],
            cwd=directory, env={**os.environ, **env}, stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(slave)
        self.text = ""
        self._read = 0
        self._watchdog = threading.Timer(DEADLINE, self.popen.kill)
        self._watchdog.start()

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Read until something matches that stands behind what matched before."""
        while True:
            match = re.compile(pattern).search(self.text, self._read)
            if match is not None:
                self._read = match.end()
                return match
            try:
                data = os.read(self._master, 65536)
            except OSError:  # Linux reports the end of a terminal so
                data = b""
            assert data, f"{pattern!r} never came:\n{self.text}"
            self.text += re.sub(r"\x1b\[\d*m", "", data.decode())

    def end(self) -> int:
        """Read to the end; the exit status."""
        with contextlib.suppress(OSError):
            while data := os.read(self._master, 65536):
                self.text += data.decode()
        return self.popen.wait()

    def close(self) -> None:
        self._watchdog.cancel()
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()
        os.close(self._master)


Start = Callable[..., Terminal]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    (tmp_path / "main.py").write_text(APP)
    with contextlib.ExitStack() as stack:

        def launch(*arguments: str, **env: str) -> Terminal:
            terminal = Terminal(*arguments, directory=tmp_path, **env)
            stack.callback(terminal.close)
            return terminal

        yield launch


def test_keys_restart_explain_and_quit(start: Start) -> None:
    terminal = start()
    terminal.wait_for(r"Serving main:app: main\.py is the first of ")
    terminal.wait_for("Keys: r restart, o open in the browser, u address, l log all or less, c clear, q quit, h help")
    first = terminal.wait_for(r"Started server process \[(\d+)\]")[1]
    terminal.wait_for("Using tricorn")
    terminal.press("r")
    terminal.wait_for("Restarting")
    assert terminal.wait_for(r"Started server process \[(\d+)\]")[1] != first
    terminal.wait_for("Using tricorn")
    terminal.press("h")
    terminal.wait_for("Keys: r restart")
    terminal.press("q")
    assert terminal.end() == 0
    assert "Traceback" not in terminal.text


def test_a_key_opens_the_browser(start: Start, tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    os.mkfifo(opened)
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    terminal = start("main:app", BROWSER=f"{browser} %s")
    url = terminal.wait_for(r"running on (http://\S+)")[1]
    terminal.wait_for("Using tricorn")
    terminal.press("o")
    assert opened.read_text().strip() == url
    terminal.press("q")
    assert terminal.end() == 0


def test_keys_show_the_address_clear_the_terminal_and_log_more(start: Start) -> None:
    terminal = start("main:app")
    url = terminal.wait_for(r"running on (http://\S+)")[1]
    terminal.wait_for("Using tricorn")
    terminal.press("u")
    assert terminal.wait_for(r"running on (http://\S+)")[1] == url
    terminal.press("c")
    terminal.wait_for(re.escape("\x1b[2J\x1b[3J\x1b[H"))
    terminal.press("l")
    terminal.wait_for(r"Log level: debug\.")
    terminal.wait_for("DEBUG: +imported")
    terminal.wait_for("Using tricorn")
    terminal.press("l")
    terminal.wait_for(r"Log level: info\.")
    terminal.wait_for("Using tricorn")
    terminal.press("q")
    assert terminal.end() == 0


def test_https_is_served_with_a_certificate_of_an_authority_that_is_kept(start: Start, tmp_path: Path) -> None:
    authorities = []
    for _ in range(2):
        terminal = start("main:app", "--https", XDG_DATA_HOME=str(tmp_path / "data"))
        path = Path(terminal.wait_for(r"Browsers trust the certificate once they trust its authority: (\S+)")[1])
        url = terminal.wait_for(r"running on (https://\S+)")[1]
        trusting = ssl.create_default_context(cafile=path)
        assert httpx.get(url, verify=trusting, timeout=DEADLINE).text == "served"
        terminal.wait_for("Using tricorn")
        terminal.press("q")
        assert terminal.end() == 0
        authorities.append(path.read_bytes())
    assert authorities[0] == authorities[1]
    modes = {path.name: path.stat().st_mode & 0o777 for path in path.parent.iterdir()}
    assert modes == dict.fromkeys(("authority.pem", "authority-key.pem", "server.pem"), 0o600)


def test_https_without_trustme_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "trustme.py").write_text("raise ImportError('No module named trustme')")
    ended = subprocess.run(
        [sys.executable, "-m", "tricorn", "dev", "main:app", "--https"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=DEADLINE,
    )  # fmt: skip
    assert ended.returncode == 3
    (line,) = ended.stderr.splitlines()
    assert line.endswith(": pip install trustme.")


def test_an_interrupt_from_the_terminal_ends_it(start: Start) -> None:
    terminal = start("main:app")
    terminal.wait_for("Using tricorn")
    terminal.press("\x03")
    assert terminal.end() == 0
    assert "Traceback" not in terminal.text


def test_a_debugger_in_the_application_gets_the_terminal(start: Start) -> None:
    terminal = start("main:app")
    url = terminal.wait_for(r"running on (http://\S+)")[1]
    terminal.wait_for("Using tricorn")
    answers: list[str] = []
    client = threading.Thread(target=lambda: answers.append(httpx.get(url + "/debug", timeout=DEADLINE).text))
    client.start()
    terminal.wait_for(r"\(Pdb\)")
    terminal.press("p 'quite ' + scope['path']\n")
    terminal.wait_for("'quite /debug'")
    terminal.press("c\n")
    client.join(DEADLINE)
    assert answers == ["served"]
    terminal.popen.send_signal(signal.SIGINT)
    assert terminal.end() == 0


def test_without_a_terminal_there_are_no_keys_and_no_colours(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("this is not Python")
    (tmp_path / "asgi.py").write_text(APP)
    with subprocess.Popen(
        [sys.executable, "-m", "tricorn", "dev", "--port", "0"],
        cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as popen:  # fmt: skip
        assert popen.stderr is not None
        lines = []
        for line in popen.stderr:
            lines.append(line)
            if "Using tricorn" in line:
                popen.send_signal(signal.SIGINT)
        assert popen.wait(DEADLINE) == 0
    assert "INFO:     Serving asgi:app: " in lines[0]
    assert not [line for line in lines if "Keys:" in line or "\x1b" in line]


def test_without_an_application_the_usage_is_told(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tricorn"], cwd=tmp_path, capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert ended.returncode == 2
    assert "Error: No APP was given, and in " in ended.stderr
