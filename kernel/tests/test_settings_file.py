"""The configuration file: where it is found, what it may say, and what has the last word."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tricorn.main
from tricorn.cli import main

Install = Callable[..., None]
Asked = Callable[..., dict[str, Any]]

METERS = """
from tricorn.api import Option, hookimpl
tricorn_api = 1
@hookimpl
def tricorn_options():
    return [Option("meters_path", "A path."), Option("meters_size", "A size.", int, 3)]
@hookimpl
def tricorn_config(path):
    return {"port": "81", "meters_size": "4"} if path.endswith(".ini") else None
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory in which the command runs, without variables."""
    directory = tmp_path / "here"
    directory.mkdir()
    monkeypatch.chdir(directory)
    for name in os.environ:
        if name.startswith(("TRICORN_", "UVICORN_")):
            monkeypatch.delenv(name)
    return directory


@pytest.fixture
def asked(here: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What the command asks of `run()`."""

    def ask(*arguments: str) -> dict[str, Any]:
        called: dict[str, Any] = {}
        monkeypatch.setattr(tricorn.main, "run", lambda app, **options: called.update(options, app=app))
        main(list(arguments), standalone_mode=False)
        del called["registry"], called["app_dir"]
        return called

    return ask


@pytest.fixture
def refused(here: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The one line with which the command refuses a file."""

    def refuse(content: str, *arguments: str) -> str:
        (here / "tricorn.toml").write_text(content)
        with pytest.raises(SystemExit) as caught:
            main(["app:app", *arguments])
        assert caught.value.code == 3
        (line,) = capsys.readouterr().err.splitlines()
        return line.removeprefix("ERROR:    ")

    return refuse


@pytest.fixture
def meters(install: Install) -> None:
    install("acme-meters", "1.0", {"tricorn.plugin": {"meters": "acme_meters"}}, acme_meters=METERS)


# --- where it is ------------------------------------------------------------------------------------------------------


def test_the_file_of_the_directory_says_what_no_argument_says(
    here: Path, asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "tricorn.toml").write_text(
        'app = "shop:app"\nport = 81\ntimeout_keep_alive = 7\naccess_log = false\nreload = true\n'
        'headers = ["A: b", "C: d"]\nreload_dirs = "."\nlog_level = "debug"\n'
    )
    assert asked() == {
        "app": "shop:app", "port": 81, "timeout_keep_alive": 7, "access_log": False, "reload": True,
        "headers": [("A", "b"), ("C", "d")], "reload_dirs": ["."], "log_level": "debug",
    }  # fmt: skip
    assert "INFO:     Taking settings from tricorn.toml." in capsys.readouterr().err


def test_arguments_go_before_variables_and_these_before_the_file(
    here: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "tricorn.toml").write_text(
        'app = "file:app"\nport = 1\nhost = "file"\nuds = "file"\nplugins = ["nothing"]\n'
    )
    monkeypatch.setenv("TRICORN_HOST", "variable")
    monkeypatch.setenv("UVICORN_UDS", "variable")
    monkeypatch.setenv("TRICORN_PORT", "2")
    values = asked("arguments:app", "--port", "3")
    assert [values[name] for name in ("app", "port", "host", "uds")] == ["arguments:app", 3, "variable", "variable"]
    assert values["plugins"] == ["nothing"]


def test_a_variable_turns_off_a_switch_of_the_file_and_arguments_replace_a_list(
    here: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "tricorn.toml").write_text('reload = true\nheaders = ["A: b", "C: d"]\n')
    monkeypatch.setenv("TRICORN_RELOAD", "false")
    values = asked("app:app", "--header", "E: f")
    assert (values["reload"], values["headers"]) == (False, [("E", "f")])


def test_the_projects_own_file_has_a_table_for_it(here: Path, asked: Asked) -> None:
    (here / "pyproject.toml").write_text('[project]\nname = "uses-tricorn"\n')
    assert "port" not in asked("app:app")
    (here / "pyproject.toml").write_text("[tool.tricorn]\nport = 82\n")
    assert asked("app:app")["port"] == 82
    (here / "tricorn.toml").write_text("port = 81\n")
    assert asked("app:app")["port"] == 81


def test_a_file_is_named_by_option_or_variable(here: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "tricorn.toml").write_text("port = 81\n")
    (here / "other.toml").write_text('host = "::1"\n')
    (here / "sub").mkdir()
    (here / "sub" / "pyproject.toml").write_text("[tool.tricorn]\nport = 82\n")
    values = asked("app:app", "--config", "other.toml")
    assert (values["host"], "port" in values) == ("::1", False)
    monkeypatch.setenv("TRICORN_CONFIG", "sub/pyproject.toml")
    assert asked("app:app")["port"] == 82


def test_no_reader_is_imported_where_nothing_is_said(here: Path) -> None:
    (here / "pyproject.toml").write_text('[project]\nname = "shop"\n')
    program = (
        "import sys; from tricorn.cli import serve_command; serve_command(['app:app']);"
        "sys.exit(bool({'tomllib', 'tomli', 'difflib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0


# --- plugins ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        'meters_path = "/x"\nmeters_size = 5\n',
        '[meters]\nmeters_path = "/x"\nmeters_size = 5\n',
        '[meters]\npath = "/x"\nsize = 5\n',
    ],
)
def test_the_options_of_a_plugin_stand_flat_or_in_its_table(text: str, here: Path, asked: Asked, meters: None) -> None:
    (here / "tricorn.toml").write_text('plugins = ["meters"]\n' + text)
    values = asked("app:app")
    assert (values["meters_path"], values["meters_size"]) == ("/x", 5)


def test_the_table_of_a_plugin_that_is_not_selected_is_left_aside(here: Path, asked: Asked, meters: None) -> None:
    (here / "tricorn.toml").write_text("[meters]\nsize = 5\n")
    assert "meters_size" not in asked("app:app")
    assert asked("app:app", "--plugin", "meters")["meters_size"] == 5


def test_a_plugin_reads_other_formats_of_which_texts_are_converted(here: Path, asked: Asked, meters: None) -> None:
    values = asked("app:app", "--config", "x.ini", "--plugin", "meters")
    assert (values["port"], values["meters_size"]) == (81, 4)


# --- what is wrong with it --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prot = 80", "tricorn.toml sets 'prot', which is no option; did you mean 'port'?"),
        ("ws-max-size = 80", "tricorn.toml sets 'ws-max-size', which is no option; did you mean 'ws_max_size'?"),
        ("zzz = 80", "tricorn.toml sets 'zzz', which is no option."),
        ("timeout_notify = 3", "tricorn.toml sets 'timeout_notify', which is no option"),
        ("[meter]\nsize = 1", "tricorn.toml sets 'meter', which is neither an option nor an installed plugin; did "),
        ("plugins = ['meters']\n[meters]\nsise = 1",
         "tricorn.toml sets 'sise' in [meters], which is no option of that plugin; did you mean 'size'?"),
        ("plugins = ['meters']\n[meters]\nsize = '1'",
         "tricorn.toml: meters_size must be a whole number, not the string '1'."),
        ("port = '80'", "tricorn.toml: port must be a whole number, not the string '80'."),
        ("port = true", "tricorn.toml: port must be a whole number, not a boolean."),
        ("access_log = 1", "tricorn.toml: access_log must be true or false, not a whole number."),
        ("timeout_write = 'x'", "tricorn.toml: timeout_write must be a number, not the string 'x'."),
        ("host = 2026-01-01", "tricorn.toml: host must be a string, not a date."),
        ("app = ['a:b']", "tricorn.toml: app must be a string, not an array."),
        ("[log_config]\nversion = 1", "tricorn.toml: log_config must be a string, not a table."),
        ("reload_dirs = [1]", "tricorn.toml: reload_dirs must be a string or an array of strings, not a whole number."),
        ("headers = ['x']", "tricorn.toml: headers: 'x' is not of the form Name:Value."),
        ("log_level = 'loud'", "tricorn.toml: log_level must be one of critical, error, warning, info, debug, trace, "),
        ("port = ", "tricorn.toml is no valid TOML: Invalid value (at "),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_one_line(text: str, message: str, refused: Callable[..., str], meters: None) -> None:
    assert refused(text).startswith(message)


def test_a_file_that_cannot_be_read_is_told(here: Path, refused: Callable[..., str]) -> None:
    assert (
        refused("", "--config", "no.toml") == "Cannot read the configuration file no.toml: no such file or directory."
    )
    (here / "pyproject.toml").write_text("[tool.tricorn2]\n")
    assert refused("", "--config", "pyproject.toml") == "pyproject.toml (--config) has no table [tool.tricorn]."
    (here / "bytes.toml").write_bytes(b"\xff")
    assert refused("", "--config", "bytes.toml").startswith("bytes.toml is no valid TOML: 'utf-8' codec")
    (here / "pyproject.toml").write_text("[tool]\ntricorn = 1\n")
    message = "pyproject.toml: tool.tricorn must be a table, not a whole number."
    assert refused("", "--config", "pyproject.toml") == message
