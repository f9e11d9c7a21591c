"""Tables on a pseudo-terminal, and plain text without one."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest
from rich.console import Console

from tests.compiler import PREFERRED
from tricorn.api import Row, Table
from tricorn_terminal_rich import drawing, show

DEADLINE = 60
TABLE = Table(
    "Things",
    ("KIND", "SIZE", "WHY"),
    [Row(("a", "10", "[red]not markup[/red]"), "good"), Row(("a", "2", "")), Row(("b", "3", "last"), "bad")],
    numbers=("SIZE",),
    grouped=True,
)


def on_a_terminal(*arguments: str) -> tuple[int, str]:
    """The exit status of `tricorn ARGUMENTS` on a pseudo-terminal, and all that it showed there."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "tricorn", *arguments]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "140"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    try:
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:  # Linux says in this way that the other end is closed
                break
            if not data:
                break
            shown += data
        return process.wait(DEADLINE), shown.decode()
    finally:
        process.kill()
        process.wait()
        os.close(ours)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plugins"], [PREFERRED, "yes: first of the kernel's preference"]),
        (["doctor"], ["open files", "terminal rich"]),
        (["config", "main:app"], ["backlog", "2048"]),
    ],
    ids=lambda value: value[0],
)
def test_a_terminal_gets_a_table_in_colour(arguments: list[str], words: list[str]) -> None:
    status, shown = on_a_terminal(*arguments)
    assert status == 0
    assert "\x1b[" in shown
    assert "─" in shown
    assert all(word in shown for word in words)


def test_a_pipe_gets_text_and_nothing_of_rich_is_imported() -> None:
    program = (
        "import sys; from tricorn import main; main(['plugins'], standalone_mode=False);"
        "sys.exit('rich' in sys.modules or 'tricorn_terminal_rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert done.stdout.startswith("KIND ")


def test_cells_are_no_markup_and_numbers_stand_to_the_right() -> None:
    console = Console(width=60, record=True, file=open(os.devnull, "w"))  # noqa: SIM115 - as long as the console
    console.print(drawing(TABLE))
    lines = [line.rstrip() for line in console.export_text().splitlines()]
    assert "  a        10   [red]not markup[/red]" in lines
    assert "  a         2" in lines
    assert lines[lines.index("  a         2") + 1] == ""


def test_it_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    show(TABLE)
    assert "Things" in capsys.readouterr().out
