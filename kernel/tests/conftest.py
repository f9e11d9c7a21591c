"""What the tests of the shell share: distributions that exist for one test, and server processes."""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Install = Callable[..., None]

DEADLINE = 30.0
"""Seconds after which a process that should have answered or ended is killed, so that its test fails."""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a distribution: `install("acme", "1.0", {"tricorn.http": {"fast": "acme_fast"}}, acme_fast="...")`."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    before = set(sys.modules)

    def make(name: str, version: str, groups: dict[str, dict[str, str]], **modules: str) -> None:
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines = []
        for group, points in groups.items():
            lines += [f"[{group}]", *(f"{key} = {value}" for key, value in points.items())]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        for module, source in modules.items():
            (site / f"{module}.py").write_text(source)
        importlib.invalidate_caches()
        importlib.metadata.FastPath.__new__.cache_clear()  # type: ignore[attr-defined]

    yield make
    for module in set(sys.modules) - before:
        if str(site) in str(getattr(sys.modules[module], "__file__", "")):
            del sys.modules[module]


@pytest.fixture(autouse=True)
def loggers() -> Iterator[None]:
    """Leave the server's loggers as they were: a `Config` sets them up for the whole process."""
    names = [f"tricorn{part}" for part in ("", ".error", ".access", ".asgi")]
    before = [(logging.getLogger(name), dict(logging.getLogger(name).__dict__)) for name in names]
    kept = [(list(logger.handlers), list(logger.filters)) for logger, _ in before]
    yield
    for (logger, state), (handlers, filters) in zip(before, kept, strict=True):
        logger.__dict__.update({key: state[key] for key in ("name", "propagate", "disabled")})
        logger.setLevel(state["level"])
        logger.handlers[:], logger.filters[:] = handlers, filters


class Process:
    """A running `python -m tricorn`; `lines` are those of its standard error so far."""

    def __init__(self, arguments: list[str], directory: Path, environment: dict[str, str]) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "tricorn", *arguments],
            cwd=directory,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._timer = threading.Timer(DEADLINE, self.popen.kill)
        self._timer.start()

    def wait_for(self, text: str) -> str:
        """Read the log until a line has the text; return that line."""
        assert self.popen.stderr is not None
        for line in self.popen.stderr:
            self.lines.append(line.rstrip("\n"))
            if text in line:
                return self.lines[-1]
        raise AssertionError(f"{text!r} never came; the log was:\n" + "\n".join(self.lines))

    def url(self) -> str:
        """Where it serves, once it does."""
        match = re.search(r"https?://\S+", self.wait_for("Tricorn running on"))
        assert match is not None
        return match[0]

    def end(self, number: signal.Signals | None = None) -> tuple[int, str, list[str]]:
        """Send a signal, if any, and wait: exit status, standard output, and all lines of the log."""
        if number is not None:
            self.popen.send_signal(number)
        out, err = self.popen.communicate()
        self._timer.cancel()
        self.lines += err.splitlines()
        return self.popen.returncode, out, self.lines


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start tricorn in a directory that holds `app.py` (see APP): `launch("app:app", "--port", "0")`."""
    (tmp_path / "app.py").write_text(APP)
    running: list[Process] = []

    def start(*arguments: str, **environment: str) -> Process:
        running.append(Process(list(arguments), tmp_path, environment))
        return running[-1]

    yield start
    for process in running:
        if process.popen.poll() is None:
            process.popen.kill()
        process.end()


APP = """
import asyncio

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            event = (await receive())["type"]
            await send({"type": event + ".complete"})
            if event == "lifespan.shutdown":
                return
    if scope["path"] == "/wait":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"waiting", "more_body": True})
        await asyncio.Event().wait()
    body = scope["root_path"].encode() + b" " + scope["path"].encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})

def factory():
    return app

async def no_lifespan(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    await app(scope, receive, send)

async def failing(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})

async def raising(scope, receive, send):
    await receive()
    raise RuntimeError("no database")

async def hanging(scope, receive, send):
    await receive()
    await asyncio.Event().wait()

router = object()
"""
