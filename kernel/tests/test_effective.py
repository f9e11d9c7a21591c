"""`tricorn config`: which value every option has, and who gave it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tricorn.cli import main
from tricorn.options import OPTIONS

Install = Callable[..., None]
Rows = Callable[..., dict[str, tuple[Any, str]]]

BUNDLE = """
from tricorn.api import hookimpl
tricorn_api = 1
@hookimpl
def tricorn_defaults():
    return {"loop": ["asyncio"], "lifespan": ["off"], "plugin": ["meters"]}
"""
METERS = """
from tricorn.api import Option, hookimpl
tricorn_api = 1
@hookimpl
def tricorn_options():
    return [Option("meters_path", "A path.", default="/meters")]
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory in which the command runs, without variables."""
    directory = tmp_path / "here"
    directory.mkdir()
    monkeypatch.chdir(directory)
    for name in os.environ:
        if name.startswith(("TRICORN_", "UVICORN_")) or name in ("WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS"):
            monkeypatch.delenv(name)
    return directory


@pytest.fixture
def rows(here: Path, capsys: pytest.CaptureFixture[str]) -> Rows:
    """Value and source by name, as `--json` prints them."""

    def ask(*arguments: str) -> dict[str, tuple[Any, str]]:
        main(["config", "--json", *arguments], standalone_mode=False)
        return {row["name"]: (row["value"], row["source"]) for row in json.loads(capsys.readouterr().out)}

    return ask


def test_the_source_is_the_flag_the_variable_the_file_or_the_default(
    here: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "tricorn.toml").write_text('app = "file:app"\nport = 81\nbacklog = 5\n')
    monkeypatch.setenv("TRICORN_HOST", "::1")
    monkeypatch.setenv("UVICORN_ROOT_PATH", "/x")
    monkeypatch.setenv("UVICORN_HOST", "::2")
    found = rows("--port", "82", "--header", "A: b", "--no-access-log")
    assert found["app"] == ("file:app", "tricorn.toml")
    assert found["port"] == (82, "--port")
    assert found["backlog"] == (5, "tricorn.toml")
    assert found["host"] == ("::1", "TRICORN_HOST")
    assert found["root_path"] == ("/x", "UVICORN_ROOT_PATH")
    assert found["headers"] == ([["A", "b"]], "--header")
    assert found["access_log"] == (False, "--access-log")
    assert found["uds"] == (None, "default")
    assert rows("arguments:app")["app"] == ("arguments:app", "APP")
    assert {"app", *(option.name for option in OPTIONS if option.cli)} <= set(found)


def test_variables_of_no_option_count_where_nothing_else_does(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rows()["workers"] == (1, "default")
    assert rows()["forwarded_allow_ips"] == ("127.0.0.1,::1", "default")
    monkeypatch.setenv("WEB_CONCURRENCY", "3")
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    assert rows()["workers"] == (3, "WEB_CONCURRENCY")
    assert rows()["forwarded_allow_ips"] == ("*", "FORWARDED_ALLOW_IPS")
    assert rows("--workers", "2")["workers"] == (2, "--workers")


def test_auto_is_shown_as_what_it_picks(rows: Rows) -> None:
    found = rows("--loop", "auto", "--ws", "none")
    assert found["http"][0] != "auto"
    assert found["http"][1] == "default: auto, the kernel's preference"
    assert found["loop"][1] == "--loop: auto, the kernel's preference"
    assert found["ws"] == ("none", "--ws")


def test_a_bundle_is_named_where_it_decides(here: Path, rows: Rows, install: Install) -> None:
    install("acme-bundle", "2.0", {"tricorn.bundle": {"acme": "acme_bundle"}}, acme_bundle=BUNDLE)
    install("acme-meters", "1.0", {"tricorn.plugin": {"meters": "acme_meters"}}, acme_meters=METERS)
    found = rows()
    assert found["loop"] == ("asyncio", "default: auto, acme-bundle 2.0")
    assert found["lifespan"] == ("off", "acme-bundle 2.0")
    assert found["plugins"] == (["meters"], "acme-bundle 2.0")
    assert found["meters_path"] == ("/meters", "default")
    (here / "tricorn.toml").write_text('lifespan = "on"\n')
    assert rows()["lifespan"] == ("on", "tricorn.toml")


def test_the_table_is_for_people_and_keeps_the_password(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["config", "app:app", "--ssl-keyfile-password", "hush", "--header", "A: b"], standalone_mode=False)
    output = capsys.readouterr().out
    lines = {line.split()[0]: line.split()[1:] for line in output.splitlines()}
    assert lines["NAME"] == ["VALUE", "SOURCE"]
    assert lines["app"] == ["app:app", "APP"]
    assert lines["uds"] == ["-", "default"]
    assert lines["access_log"] == ["true", "default"]
    assert lines["headers"] == ["A:", "b", "--header"]
    assert lines["ssl_keyfile_password"] == ["***", "--ssl-keyfile-password"]
    assert "hush" not in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "WEB_CONCURRENCY is 'many', which is no number of workers."),
        (["--workers", "1", "--http", "h12,auto"], "No http plugin 'h12'"),
    ],
)
def test_what_a_user_can_mend_is_one_line_and_status_3(
    arguments: list[str], message: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "many")
    with pytest.raises(SystemExit) as caught:
        main(["config", *arguments])
    assert caught.value.code == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"ERROR:    {message}")
