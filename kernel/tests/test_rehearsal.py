"""`tricorn check APP`: what a start would meet with, without serving."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
import trustme

APP = """
async def app(scope, receive, send):
    raise RuntimeError("called")
router = object()
"""

DEADLINE = 60.0


class Ran:
    """How `tricorn check` ended: its status, and the lines of both streams."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "tricorn", "check", *arguments],
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            cwd=directory,
            env={name: value for name, value in os.environ.items() if not name.startswith(("TRICORN_", "UVICORN_"))},
        )
        self.status = done.returncode
        self.out = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
        self.lines = done.stderr.splitlines()


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A directory with `app_check.py`."""
    (tmp_path / "app_check.py").write_text(APP)
    return tmp_path


@pytest.fixture
def short() -> Iterator[Path]:
    """A directory whose path is short enough for the address of a UNIX socket."""
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


def files(here: Path, until: datetime) -> list[str]:
    """The options of a certificate that is valid from 2001 on, and of its key."""
    made = trustme.CA().issue_cert("localhost", not_before=datetime(2001, 1, 1, tzinfo=timezone.utc), not_after=until)
    made.cert_chain_pems[0].write_to_path(here / "cert.pem")
    made.private_key_pem.write_to_path(here / "key.pem")
    return ["--ssl-certfile", "cert.pem", "--ssl-keyfile", "key.pem"]


def test_a_start_that_would_succeed_is_gone_through_and_the_application_is_not_called(here: Path) -> None:
    ran = Ran(here, "app_check:app", "--port", "0", "--http", "h11", "--lifespan", "on")
    assert (ran.status, ran.lines) == (0, [])
    assert ran.out["application"] == "app_check:app can be served"
    assert "http h11 " in ran.out["plugins"]
    assert "supervisor single " in ran.out["plugins"]
    assert ran.out["address"].startswith("127.0.0.1:")


def test_without_a_name_the_application_and_the_file_of_the_directory_are_checked(here: Path) -> None:
    (here / "tricorn.toml").write_text('app = "app_check:router"\nport = 0\n')
    ran = Ran(here)
    assert (ran.status, len(ran.lines)) == (3, 1)
    assert '"app_check:router" is an object, not an ASGI application' in ran.lines[0]
    (here / "tricorn.toml").write_text("prot = 0\n")
    assert Ran(here, "app_check:app").lines == [
        "ERROR:    tricorn.toml sets 'prot', which is no option; did you mean 'port'?"
    ]


def test_an_address_that_another_has_is_status_3(here: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        ran = Ran(here, "app_check:app", "--port", str(other.getsockname()[1]))
    assert (ran.status, len(ran.lines)) == (3, 1)
    assert ran.lines[0].startswith("ERROR:    Cannot listen on 127.0.0.1:")


def test_a_unix_socket_is_removed_again(here: Path, short: Path) -> None:
    ran = Ran(here, "app_check:app", "--uds", str(short / "socket"))
    assert (ran.status, ran.out["address"]) == (0, f"{short / 'socket'} can be had")
    assert list(short.iterdir()) == []


@pytest.mark.parametrize("demands", [[], ["--ssl-cert-reqs", "2", "--ssl-ca-certs", "cert.pem", "--ssl-version", "5"]])
def test_the_time_of_a_certificate_is_told(demands: list[str], here: Path) -> None:
    options = files(here, datetime(2301, 1, 1, tzinfo=timezone.utc))
    ran = Ran(here, "app_check:app", "--port", "0", *options, *demands)
    assert (ran.status, ran.lines) == (0, [])
    assert ran.out["certificate"] == "cert.pem is valid until Jan  1 00:00:00 2301 GMT"


def test_a_certificate_whose_time_is_over_is_status_3(here: Path) -> None:
    options = files(here, datetime(2002, 1, 1, tzinfo=timezone.utc))
    ran = Ran(here, "app_check:app", "--port", "0", *options)
    assert ran.status == 3
    assert ran.lines == ["ERROR:    cert.pem (--ssl-certfile) is refused by clients: certificate has expired."]


def test_a_key_of_another_certificate_is_status_3(here: Path) -> None:
    options = files(here, datetime(2301, 1, 1, tzinfo=timezone.utc))
    trustme.CA().issue_cert("elsewhere").private_key_pem.write_to_path(here / "key.pem")
    ran = Ran(here, "app_check:app", "--port", "0", *options)
    assert (ran.status, len(ran.lines)) == (3, 1)
    assert "does not belong to the certificate" in ran.lines[0]


def test_an_exception_of_the_module_is_shown_and_status_1(here: Path) -> None:
    (here / "app_bad.py").write_text("1 / 0\n")
    ran = Ran(here, "app_bad:app", "--port", "0")
    assert ran.status == 1
    assert "ZeroDivisionError: division by zero" in ran.lines
