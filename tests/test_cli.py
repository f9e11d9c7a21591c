"""The command line: help, listings, variables, errors in one line, and exit statuses that are uvicorn's or better."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import httpx
import pytest

import tricorn.main
from tests.compiler import PREFERRED
from tests.servers import DEADLINE, CommandLine
from tricorn.cli import main
from tricorn.commands import COMMANDS
from tricorn.options import OPTIONS

APP = """
import os
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["root_path"].encode()})
def factory():
    return app
def needs(argument):
    return app
async def failing(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})
router = object()
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with `app_cli.py`, in which the command runs."""
    (tmp_path / "app_cli.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith(("TRICORN_", "UVICORN_")):
            monkeypatch.delenv(name)
    return tmp_path


class Ran:
    """How the command ended: its status, and the lines of both streams."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "tricorn", *arguments],
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            env={**os.environ, **environment},
        )
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.lines = done.stderr.splitlines()


@pytest.fixture
def asked(here: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """What the command asks of `run()`: `asked("app:app", "--port", "1")`."""

    def ask(*arguments: str, **environment: str) -> dict[str, Any]:
        called: dict[str, Any] = {}
        monkeypatch.setattr(tricorn.main, "run", lambda app, **options: called.update(options, app=app))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        main(list(arguments), standalone_mode=False)
        called.pop("registry")
        return called

    return ask


# --- help and listings ------------------------------------------------------------------------------------------------


def test_help_lists_every_option_with_its_default_and_the_installed_plugins(here: Path) -> None:
    ran = Ran("--help")
    text = " ".join(ran.out.split())
    assert ran.status == 0
    assert [option.flags for option in OPTIONS if option.cli and option.flags not in text] == []
    assert "TCP port to listen on; 0 takes a free one. [default: 8000]" in text
    assert "Installed: compiled, h11, " in text
    assert "Installed: asyncio, uvloop." in text
    assert all(f"tricorn {name}" in text for name in COMMANDS)


def test_help_shows_the_options_of_a_selected_plugin(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    info = here / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tricorn.plugin]\ngauges = acme_gauges\n")
    (here / "acme_gauges.py").write_text(
        "from tricorn.api import Option, hookimpl\ntricorn_api = 1\n@hookimpl\n"
        "def tricorn_options(): return [Option('gauges_path', 'Where the gauges are.', default='/gauges')]\n"
    )
    monkeypatch.syspath_prepend(str(here))
    importlib.metadata.FastPath.__new__.cache_clear()  # type: ignore[attr-defined]
    for arguments, shown in ((["--help"], False), (["--plugin", "gauges", "--help"], True)):
        with pytest.raises(SystemExit):
            main(arguments)
        assert ("--gauges-path" in capsys.readouterr().out) is shown


def test_the_version_is_told_in_uvicorns_words(here: Path) -> None:
    version = sys.version.split()[0]
    assert Ran("--version").out.startswith(f"Running tricorn {tricorn.__version__} with CPython {version} on ")


def test_plugins_are_listed_for_people_and_for_programs(here: Path) -> None:
    rows = {(row["kind"], row["name"]): row for row in json.loads(Ran("plugins", "--json", "--loop", "asyncio").out)}
    assert [row["name"] for row in rows.values() if row["kind"] == "http" and row["selected"]] == [PREFERRED]
    assert (rows["loop", "asyncio"]["selected"], rows["loop", "uvloop"]["selected"]) == (True, False)
    assert rows["loop", "uvloop"]["reason"] == "not chosen: --loop asyncio"
    assert rows["interface", "wsgi"]["distribution"] == "tricorn-interface-wsgi"
    lines = Ran("plugins").out.splitlines()
    assert lines[0].split()[:3] == ["KIND", "NAME", "DISTRIBUTION"]
    assert {tuple(line.split()[:2]) for line in lines[1:]} >= set(rows)


def test_a_plugin_is_checked(here: Path) -> None:
    ran = Ran("check", "loop", "asyncio")
    assert (ran.status, ran.out.splitlines()[-1].split(": ")[1].split(", ")[1]) == (0, "0 failed.")
    assert Ran("check", "loop", "nothing").status == 3
    assert Ran("check", "nothing", "asyncio").status == 2


def test_a_bundles_command_has_its_own_name(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, usage in (["--help"], "acme"), (["plugins", "--help"], "acme plugins"):
        with pytest.raises(SystemExit):
            main(arguments, prog_name="acme")
        assert capsys.readouterr().out.startswith(f"Usage: {usage} ")


# --- what the arguments mean ------------------------------------------------------------------------------------------


def test_options_stand_before_and_behind_the_application(asked: Callable[..., dict[str, Any]]) -> None:
    assert asked("--port", "1", "app:app", "--host", "h", "--no-access-log", "--header", "A: b", "--factory") == {
        "app": "app:app",
        "port": 1,
        "host": "h",
        "access_log": False,
        "headers": [("A", "b")],
        "factory": True,
        "app_dir": "",
    }


def test_what_is_not_given_is_left_to_run(asked: Callable[..., dict[str, Any]]) -> None:
    assert asked("app:app") == {"app": "app:app", "app_dir": ""}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"TRICORN_APP": "a:b"}, {}),
        ({"UVICORN_APP": "a:b", "TRICORN_ROOT_PATH": "/c"}, {"root_path": "/c"}),
        ({"TRICORN_APP": "a:b", "TRICORN_PORT": "2"}, {"port": 2}),
        ({"TRICORN_APP": "a:b", "TRICORN_WS_PER_MESSAGE_DEFLATE": "false"}, {"ws_per_message_deflate": False}),
        ({"TRICORN_APP": "a:b", "TRICORN_ACCESS_LOG": "0"}, {"access_log": False}),
        ({"TRICORN_APP": "a:b", "TRICORN_HEADERS": "A:b C:d"}, {"headers": [("A", "b"), ("C", "d")]}),
        ({"TRICORN_APP": "a:b", "TRICORN_RELOAD_DIRS": os.pathsep.join((".", ".."))}, {"reload_dirs": [".", ".."]}),
        ({"TRICORN_APP": "a:b", "TRICORN_LOG_LEVEL": "DEBUG"}, {"log_level": "debug"}),
    ],
)
def test_every_option_is_a_variable_too(
    variables: dict[str, str], expected: dict[str, Any], asked: Callable[..., dict[str, Any]]
) -> None:
    assert asked(**variables) == {"app": "a:b", "app_dir": "", **expected}


def test_the_switch_that_selects_a_supervisor_brings_its_options(
    asked: Callable[..., dict[str, Any]], here: Path
) -> None:
    assert asked("app_cli:app", "--reload", "--reload-keys")["reload_keys"] is True
    (here / "tricorn.toml").write_text("[reload]\nkeys = true\n")
    assert "reload_keys" not in asked("app_cli:app")
    assert asked("app_cli:app", "--reload")["reload_keys"] is True
    (here / "tricorn.toml").write_text("reload = true\nreload_keys = true\n")
    assert asked("app_cli:app")["reload_keys"] is True


def test_arguments_go_before_variables_and_ours_before_uvicorns(
    asked: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    environment = {"TRICORN_PORT": "2", "UVICORN_PORT": "3", "UVICORN_HOST": "h", "TRICORN_UDS": "s"}
    called = asked("a:b", "--uds", "t", **environment)
    assert (called["port"], called["host"], called["uds"]) == (2, "h", "t")
    assert (
        capsys.readouterr().err
        == "INFO:     Taking UVICORN_HOST from the environment, where no TRICORN_ variable says otherwise.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--nothing", "app:app"], "No such option"),
        (["--log-level", "loud", "app:app"], "'loud' is not one of 'critical', 'error'"),
        (["--reload-dir", "nowhere", "app:app"], "Path 'nowhere' does not exist."),
        (["--env-file", "nowhere", "app:app"], "Path 'nowhere' does not exist."),
        (["--header", "A", "app:app"], "'A' is not of the form Name:Value"),
        (["--port", "many", "app:app"], "'many' is not a valid integer"),
        ([], "No APP was given"),
    ],
)
def test_wrong_usage_is_status_2(
    arguments: list[str], message: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert message in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("prefix", ["TRICORN", "UVICORN"])
def test_the_variable_of_a_kubernetes_service_is_explained(
    prefix: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(f"{prefix}_PORT", "tcp://10.0.0.1:80")
    with pytest.raises(click.BadParameter, match=f"{prefix}_PORT is 'tcp://10.0.0.1:80': Kubernetes sets it") as caught:
        main(["app:app"], standalone_mode=False)
    assert f"for a Service named {prefix.lower()}." in caught.value.message


def test_print_config_prints_what_the_command_config_does(here: Path) -> None:
    """And serves nothing, whatever the application is."""
    printed = Ran("nomod:app", "--port", "1", "--ws", "none", "--print-config", TRICORN_HOST="h")
    shown = Ran("config", "nomod:app", "--port", "1", "--ws", "none", TRICORN_HOST="h")
    assert (printed.status, printed.out, printed.err) == (0, shown.out, "")
    assert Ran("dev", "--print-config").out.startswith("NAME")


# --- how it ends ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nomod:app"], 'Error loading ASGI app. Could not import module "nomod". Looked in '),
        (["app_cli:noattr"], 'Error loading ASGI app. Attribute "noattr" not found in module "app_cli".'),
        (["app_cli:"], 'Error loading ASGI app. Import string "app_cli:" must be in format "<module>:<attribute>".'),
        (["app_cli:needs", "--factory"], "Error loading ASGI app factory: needs() missing 1 required"),
        (["app_cli:router"], 'Error loading ASGI app. "app_cli:router" is an object, not an ASGI application.'),
        (["app_cli:app", "--host", "192.0.2.1"], "Cannot listen on 192.0.2.1:"),
        (["app_cli:app", "--http", "h12"], "No http plugin 'h12'"),
        (["app_cli:app", "--ssl-keyfile", "key"], "--ssl-keyfile needs --ssl-certfile"),
        (["app_cli:app", "--config", "x.yaml"], "No selected plugin reads x.yaml: name one that does with --plugin"),
    ],
)
def test_what_a_user_can_mend_is_one_line_and_status_3(arguments: list[str], message: str, here: Path) -> None:
    ran = Ran("--port", "0", *arguments)
    assert ran.status == 3
    assert len(ran.lines) == 1
    assert ran.lines[0].startswith(f"ERROR:    {message}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--lifespan", "bogus"], "'--lifespan': No lifespan plugin 'bogus'. Installed: auto, off, on."),
        (["--interface", "bogus"], "'--interface': No interface plugin 'bogus'. Installed: asgi2, asgi3, "),
        (["--log-config", "none.json"], "'--log-config': Path 'none.json' does not exist."),
    ],
)
def test_what_is_a_mistake_in_the_command_to_uvicorn_is_status_2(
    arguments: list[str], message: str, here: Path
) -> None:
    ran = Ran("app_cli:app", "--port", "0", *arguments)
    assert ran.status == 2
    assert ran.lines[-1].startswith(f"Error: Invalid value for {message}")


def test_a_lifespan_of_somebody_else_is_no_mistake(here: Path) -> None:
    (here / "plug.py").write_text("import tricorn.api\nraise tricorn.api.Unavailable('it was asked')\n")
    info = here / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tricorn.lifespan]\nmine = plug\n")
    ran = Ran("app_cli:app", "--port", "0", "--lifespan", "mine", PYTHONPATH=str(here))
    assert ran.lines == ["ERROR:    The lifespan plugin 'mine' of acme 1.0 is unavailable: it was asked"]


def test_a_failed_start_is_status_3_with_the_applications_reason(here: Path) -> None:
    ran = Ran("app_cli:failing", "--port", "0")
    assert ran.status == 3
    assert ran.lines[-2:] == ["ERROR:    no database", "ERROR:    Application startup failed. Exiting."]


@pytest.mark.parametrize("source", ["1 / 0", "import nothing_of_this_name", "def"])
def test_an_exception_in_the_module_is_shown_from_there_on_and_status_1(source: str, here: Path) -> None:
    (here / "broken.py").write_text(f"# first line\n{source}\n")
    ran = Ran("broken:app", "--port", "0")
    assert ran.status == 1
    assert "broken.py" in ran.lines[0 if source == "def" else 1]
    assert "tricorn" not in ran.lines[1]


def test_a_missing_module_is_told_with_the_python_that_looked_and_an_environment_that_has_it(here: Path) -> None:
    (here / "broken.py").write_text("import nothing_of_this_name\n")
    (here / ".venv/lib/python3.9/site-packages/nothing_of_this_name").mkdir(parents=True)
    last = Ran("broken:app", "--port", "0").lines[-1]
    assert last == (
        f"ERROR:    There is no module 'nothing_of_this_name' for {sys.executable}. "
        ".venv here has it: .venv/bin/python -m tricorn."
    )


def test_a_plugins_traceback_is_for_the_debug_level(here: Path) -> None:
    (here / "plug.py").write_text("1 / 0\n")
    info = here / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tricorn.http]\nbad = plug\n")
    quiet = Ran("app_cli:app", "--http", "bad", PYTHONPATH=str(here))
    assert quiet.status == 3
    assert quiet.err == (
        "ERROR:    The http plugin 'bad' of acme 1.0: importing plug failed (ZeroDivisionError: division by zero). "
        "--log-level debug shows where.\n"
    )
    loud = Ran("app_cli:app", "--http", "bad", "--log-level", "debug", PYTHONPATH=str(here))
    assert "Traceback (most recent call last):" in loud.lines


def test_workers_need_an_import_string() -> None:
    program = "import tricorn\nasync def app(s, r, t): ...\ntricorn.run(app, workers=2, port=0)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 3
    assert done.stderr == (
        "WARNING:  You must pass the application as an import string to enable 'reload' or 'workers'. "
        "It has no name in the main file: run('module:attribute', ...).\n"
    )


def test_options_from_uvicorns_variables_serve(here: Path, tmp_path: Path) -> None:
    with CommandLine(
        "--app-dir", str(here), "app_cli:factory", directory=tmp_path, UVICORN_PORT="0", UVICORN_ROOT_PATH="/api"
    ) as server:
        assert httpx.get(server.url).text == "/api"
        assert server.log[0].startswith("INFO:     Taking UVICORN_PORT, UVICORN_ROOT_PATH from the environment")
        assert any(line.startswith("WARNING:  ASGI app factory detected.") for line in server.log)
