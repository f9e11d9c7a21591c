"""An exception in somebody's own module is shown from where that module comes in."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tricorn.explaining import explain
from tricorn.importer import import_from_string


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "explained_app", raising=False)
    return tmp_path / "explained_app.py"


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    """What is printed of the exception that importing the module raises, in a running loop as servers do it."""

    async def load() -> None:
        import_from_string("explained_app:app")

    try:
        asyncio.run(load())
    except Exception as error:
        # The frames of this test stand for those of the server.
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename != import_from_string.__code__.co_filename:
            trace = trace.tb_next
        explain(error.with_traceback(trace))
    return capsys.readouterr().err


def test_only_the_frames_of_the_module_are_shown(module: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module.write_text("def start():\n    return undefined\napp = start()\n")
    text = shown(capsys)
    assert text.count("  File ") == 2
    assert f'File "{module}", line 2, in start' in text
    assert text.rstrip().endswith("NameError: name 'undefined' is not defined")


def test_a_syntax_error_is_shown_without_frames(module: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module.write_text("app = (\n")
    text = shown(capsys)
    assert text.startswith(f'  File "{module}", line 1')
    assert "SyntaxError" in text


def test_a_missing_module_is_told_with_the_interpreter_and_the_environment_that_has_it(
    module: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module.write_text("import nowhere_to_be_found\n")
    monkeypatch.chdir(module.parent)
    assert f"ERROR:    There is no module 'nowhere_to_be_found' for {sys.executable}.\n" in shown(capsys)
    (module.parent / ".venv" / "lib" / "python3.11" / "site-packages" / "nowhere_to_be_found").mkdir(parents=True)
    assert ".venv here has it: .venv/bin/python -m tricorn." in shown(capsys)
