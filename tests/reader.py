"""Somebody who types what a page says, line by line, in a directory with the files that the page shows.

A line either ends by itself, with status 0, or serves: then it is asked, goes on serving while the lines behind it run,
and is ended by SIGTERM when another serves or the page is over. What a test cannot have is replaced in the line, by the
same few rules on every page: fixed ports by free ones, directories of the system by those of the test.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx

from tests.environment import Environment
from tests.servers import CommandLine

SERVING = re.compile(r" running on (?:unix socket |socket )?(\S+)|Listening at: (http\S+)")
"""What the server says when it serves, and what gunicorn does."""

ACTIVATE = """
import os, socket, sys
listening = socket.create_server(("127.0.0.1", 0))
os.dup2(listening.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
print(f"Activated: running on http://127.0.0.1:{listening.getsockname()[1]}", file=sys.stderr, flush=True)
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Does what systemd does for a socket unit."""

CURL = """
import sys, urllib.request
sys.stdout.write(urllib.request.urlopen(sys.argv[-1], timeout=30).read().decode())
"""
"""Stands in where the machine has no curl."""

Ask = Callable[[str], None]


def answers(url: str) -> None:
    """The application answers."""
    transport = httpx.HTTPTransport(uds=url, verify=False) if url.startswith("/") else None
    with httpx.Client(transport=transport, verify=False, timeout=30) as client:
        response = client.get("http://localhost/" if url.startswith("/") else url)
    assert response.status_code == 200
    assert response.text.startswith("Hello")


class Reader:
    """Types lines in a directory with the commands of an environment; used as a context, which ends what still serves.

    output: a directory for what is printed. replaced: texts that stand for something else in this test. env: further
    variables.
    """

    def __init__(
        self, directory: Path, output: Path, environment: Environment, replaced: dict[str, str], **env: str
    ) -> None:
        self._directory, self._output, self._number = directory, output, 0
        self._replaced = {"/srv/app/.venv/bin": str(environment.python.parent), "/srv/app": str(directory), **replaced}
        # Flags and files say otherwise, with ports that may be taken; gunicorn reads the second.
        ports = {"TRICORN_PORT": "0", "GUNICORN_CMD_ARGS": "-b 127.0.0.1:0 --no-control-socket"}
        path = f"{environment.python.parent}{os.pathsep}{os.environ['PATH']}"
        self._env = {**ports, "PATH": path, "VIRTUAL_ENV": str(environment.folder), **env}
        self._stack = ExitStack()
        self._server: CommandLine | None = None
        self.url = ""
        if shutil.which("curl") is None:
            (environment.python.parent / "curl").write_text(f"#!{sys.executable}{CURL}")
            (environment.python.parent / "curl").chmod(0o755)

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def type(self, line: str, ask: Ask = answers) -> str:
        """Type a line; what it has printed, where it ended by itself."""
        if line.startswith("export "):
            name, _, value = self._adapted(line).removeprefix("export ").partition("=")
            self._env[name] = value
            return ""
        process = self._start(self._adapted(line))
        assert process.popen.stderr is not None
        for text in process.popen.stderr:
            process.log.append(text.rstrip("\n"))
            if match := SERVING.search(text):
                self.close()
                self._server, self.url = process, match[1] or match[2]
                ask(self.url)
                return ""
        status = process.popen.wait()
        assert status == 0, f"{line!r} ended with {status}:\n" + "\n".join([*process.output, *process.log])
        assert not [text for text in process.log if text.startswith("WARNING: ")], process.log
        return "\n".join(process.output)

    def close(self) -> None:
        """End the server, as whoever runs it would."""
        server, self._server = self._server, None
        if server is not None:
            assert server.end(signal.SIGTERM) in (0, -signal.SIGTERM), server.log
            assert not [text for text in server.log if "Traceback" in text], server.log

    def _start(self, line: str) -> CommandLine:
        env = dict(self._env)
        if self._server is not None:
            env["MAINPID"] = str(self._server.popen.pid)
        if re.search(r"--fd 3|--listener systemd", line):
            line = shlex.join([sys.executable, "-c", ACTIVATE]) + " " + line
        self._number += 1
        output = self._output / str(self._number)
        output.mkdir()
        program = ("-C", str(self._directory), "bash", "-euc", line)
        return self._stack.enter_context(
            CommandLine(program=program, python="/usr/bin/env", directory=output, patience=120.0, **env)
        )

    def _adapted(self, line: str) -> str:
        for text, instead in self._replaced.items():
            line = line.replace(text, instead)
        if self.url:
            line = line.replace("http://127.0.0.1:8000", self.url)
        line = re.sub(r"--port \d+", "--port 0", line)
        return re.sub(r"(-b [\d.]+):\d+", r"\1:0", line)
