"""The command is found by its name, and does what it says."""

from __future__ import annotations

import pytest

from tricorn import main


def run(*arguments: str) -> int:
    """The exit status of `tricorn ARGUMENTS`."""
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    return int(caught.value.code or 0)


def test_it_names_the_plugins_of_a_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("example") == 0
    assert "example" in capsys.readouterr().out.split()
    assert run("example", "--kind", "loop") == 0
    assert "asyncio" in capsys.readouterr().out.split()


def test_the_help_of_tricorn_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    assert "tricorn example" in " ".join(capsys.readouterr().out.split())
