"""A directory with an application in it, and the command run there as its author would."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from tests.servers import DEADLINE, CommandLine

APP = """
import time

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    if scope["type"] == "websocket":
        await receive()
        if scope["path"] != "/echo":
            return await send({"type": "websocket.close"})
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message.get("text"), "bytes": message.get("bytes")})
        return
    if scope["path"] == "/fail":
        raise ValueError("this application fails")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    if scope["path"] == "/events":
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    if scope["path"] == "/pause":
        time.sleep(1.0)
    await send({"type": "http.response.body", "body": scope["scheme"].encode()})
"""


class Ended(NamedTuple):
    """What a command that does not serve leaves behind."""

    status: int
    log: str


class Project:
    """The directory; `main.py` in it is `APP`."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        self._stack = stack
        self.write("main.py", APP)

    def write(self, name: str, text: str) -> Path:
        """Save a file, and make the directories on the way to it."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def ended(self, *arguments: str, program: tuple[str, ...] = ("-m", "tricorn"), **env: str) -> Ended:
        """Run the command to its end."""
        done = subprocess.run(
            [sys.executable, *program, *arguments],
            cwd=self.directory, env={**os.environ, **env}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=DEADLINE, check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stderr)

    def serve(
        self, *arguments: str, program: tuple[str, ...] = ("-m", "tricorn"), patience: float = DEADLINE, **env: str
    ) -> CommandLine:
        """Start the command, on a free port where none is given; it is ended after the test."""
        port = () if {"--port", "--uds"} & {*arguments} or program[0] != "-m" else ("--port", "0")
        place = {"directory": self.directory, "cwd": self.directory}
        command = CommandLine(*arguments, *port, **place, program=program, patience=patience, **env)
        return self._stack.enter_context(command)
