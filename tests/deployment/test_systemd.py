"""The documentation's units under systemd's own programs, as far as they work without systemd as the first process.

Not part of the default run: it needs those programs, which `.ci/run` installs.
"""

from __future__ import annotations

import configparser
import shlex
import socket
import sys
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from tests.environment import run
from tests.pages import PAGES, READMES, blocks, commands, name_of
from tests.servers import DEADLINE, ROOT, CommandLine

PROGRAM = str(Path(sys.executable).with_name("tricorn"))
WITH_UNITS = [page for page in (*READMES, *PAGES) if blocks(page, language="ini")]


def units(page: Path, folder: Path) -> list[Path]:
    """The units of a page as files, with a program that is there; those that only the service manager can tell apart
    by their place in the page have numbers."""
    found = []
    for number, text in enumerate(blocks(page, language="ini")):
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        parser.read_string(text)
        kind = "socket" if "Socket" in parser else "service"
        path = folder / f"app{number}.{kind}"
        path.write_text(text.replace("/srv/app/.venv/bin/tricorn", PROGRAM))
        found.append(path)
    # A socket starts the service of its own name; on the pages that is the one behind it.
    for this, following in pairwise(found):
        if this.suffix == ".socket":
            following.rename(this.with_suffix(".service"))
            found[found.index(following)] = this.with_suffix(".service")
    return found


@pytest.mark.parametrize("page", WITH_UNITS, ids=name_of)
def test_systemd_finds_nothing_wrong_with_the_units(page: Path, tmp_path: Path) -> None:
    found = units(page, tmp_path)
    assert run("bash", "-c", 'systemd-analyze verify --man=no "$@" 2>&1', "verify", *found) == ""


@pytest.mark.parametrize(
    "line",
    sorted({line for page in WITH_UNITS for line in commands(page) if "--fd 3" in line or "--listener" in line}),
)
def test_a_connection_to_an_activated_socket_is_served(line: str, tmp_path: Path) -> None:
    # Bound and never listening: the port stays ours until it is taken with SO_REUSEADDR.
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        command = shlex.split(line.replace("main:app", "hello:app"))[1:]
        arguments = ("-l", f"127.0.0.1:{port}", PROGRAM, *command, "--app-dir", str(ROOT / "examples"))
        with CommandLine(*arguments, python="systemd-socket-activate", program=(), directory=tmp_path) as server:
            server.wait_for("Listening on")
            assert httpx.get(f"http://127.0.0.1:{port}/you", timeout=DEADLINE).text == "Hello from /you\n"
            server.wait_for("Using tricorn")
