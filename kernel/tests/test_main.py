"""`run()`, and the names of uvicorn's module `main`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from types import ModuleType
from typing import Any

import click
import pytest

import tricorn
import tricorn.main
from tricorn.api import SupervisorProvider

DEADLINE = 30.0


async def app(scope: Any, receive: Any, send: Any) -> None: ...


def supervised(seen: list[Any], status: int = 0) -> SupervisorProvider:
    """A supervisor that keeps what it is given instead of serving."""

    def run(server: Any) -> int:
        seen.append(server)
        return status

    return SupervisorProvider(run)


def test_the_supervisor_gets_a_server_with_the_settings() -> None:
    seen: list[Any] = []
    tricorn.run(app, port=81, supervisor=supervised(seen), log_config=None)
    assert isinstance(seen[0], tricorn.Server)
    assert (seen[0].config.app, seen[0].config.port, seen[0].config.dedicated) == (app, 81, True)


def test_the_status_of_the_supervisor_is_the_programs() -> None:
    with pytest.raises(SystemExit) as caught:
        tricorn.run(app, supervisor=supervised([], 3), log_config=None)
    assert caught.value.code == 3


def test_ctrl_c_is_no_error() -> None:
    def interrupted(server: Any) -> int:
        raise KeyboardInterrupt

    tricorn.run(app, supervisor=SupervisorProvider(interrupted), log_config=None)


def test_the_directory_of_the_application_comes_first_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    tricorn.run("app:app", app_dir="/somewhere", supervisor=supervised([]), log_config=None)
    assert sys.path[0] == "/somewhere"


def test_a_running_loop_is_told_what_to_do() -> None:
    async def notebook() -> None:
        tricorn.run(app)

    with pytest.raises(
        RuntimeError, match="tricorn.run.. starts an event loop, but one is running here already.*serve_in_thread"
    ):
        asyncio.run(notebook())


def test_workers_are_ignored_when_reloading(caplog: pytest.LogCaptureFixture) -> None:
    tricorn.run("app:app", reload=True, workers=2, supervisor=supervised([]), log_config=None)
    assert caplog.messages == ['"workers" flag is ignored when reloading is enabled.']


@pytest.mark.parametrize("options", [{"workers": 2}, {"reload": True}])
def test_an_application_object_cannot_be_taken_into_another_process(
    options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SystemExit) as caught:
        tricorn.run(app, log_config=None, **options)
    assert caught.value.code == 3
    assert "You must pass the application as an import string" in caplog.messages[0]


def test_main_is_a_module_and_the_command() -> None:
    assert isinstance(tricorn.main, ModuleType)
    assert tricorn.main.Server is tricorn.Server
    with pytest.raises(SystemExit) as caught:
        tricorn.main(["--version"])
    assert caught.value.code == 0


def test_the_choices_of_the_log_level_are_clicks() -> None:
    assert "port" in [parameter.name for parameter in tricorn.main.params]
    choices = tricorn.main.LEVEL_CHOICES
    assert isinstance(choices, click.Choice)
    assert choices.choices[0] == "critical"
    with pytest.raises(AttributeError, match="no attribute 'ServerStat'"):
        _ = tricorn.main.ServerStat


def test_a_server_without_console_streams_runs() -> None:
    program = (
        "import sys, threading; sys.stdout = sys.stderr = None\n"
        "import tricorn, tricorn.server\n"
        "async def app(scope, receive, send): ...\n"
        "with tricorn.serve_in_thread(app) as server: pass\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=DEADLINE).returncode == 0


def test_importing_the_api_brings_no_server_in() -> None:
    program = "import sys, tricorn.api; sys.exit('tricorn.server' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=DEADLINE).returncode == 0
