"""`tricorn doctor`: what it looks at, and what it says about what is wrong."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable

import pytest

from tricorn import doctor
from tricorn.api import Row
from tricorn.cli import main
from tricorn.doctor import FINE, NOTE, PROBLEM, Finding, examine
from tricorn.entries import Entry
from tricorn.registry import Registry

Install = Callable[..., None]

UNAVAILABLE = """
from tricorn.api import Unavailable
raise Unavailable("the library quick is missing: pip install quick")
"""

BUNDLE = """
from tricorn.api import hookimpl
tricorn_api = 1
@hookimpl
def tricorn_defaults():
    return {"http": ["no"]}
"""


def findings() -> dict[str, Finding]:
    return {finding.what: finding for finding in examine(Registry())}


def test_a_sound_installation_has_no_problem(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["doctor"])
    assert caught.value.code == 0
    output = capsys.readouterr().out
    assert "PROBLEM" not in output
    assert "loop asyncio" in output


def test_the_versions_of_the_libraries_are_told() -> None:
    found = findings()
    assert found["libraries"].found.startswith(f"click {importlib.metadata.version('click')}, ")
    assert found["http h11"].found.endswith(f" with h11 {importlib.metadata.version('h11')}")


def test_without_metadata_there_are_no_versions_of_libraries() -> None:
    assert doctor.libraries(Entry("http", "h11", "tricorn_http_h11", None)) == ""


def test_what_is_wrong_stands_out() -> None:
    table = doctor.drawn([Finding("a", "b"), Finding("c", "d", PROBLEM)])
    assert table.rows == [Row(("ok", "a", "b")), Row(("PROBLEM", "c", "d"), "bad")]


def test_programs_get_json(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["doctor", "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert {row["what"] for row in rows} >= {"tricorn", "Python", "system", "http auto", "http h11"}


def test_a_broken_plugin_is_a_problem_with_its_reason(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install("acme-bad", "1.5", {"tricorn.http": {"bad": "acme_bad"}}, acme_bad="import nothing_of_this_name")
    found = findings()["http bad"]
    assert found.verdict == PROBLEM
    assert "'bad' of acme-bad 1.5" in found.found
    assert "ModuleNotFoundError" in found.found
    with pytest.raises(SystemExit) as caught:
        main(["doctor"])
    assert caught.value.code == 1
    assert "ModuleNotFoundError" in capsys.readouterr().out


def test_a_command_with_the_name_of_one_of_tricorns_own_is_a_problem(install: Install) -> None:
    install("acme", "1.0", {"tricorn.command": {"check": "acme_check"}})
    found = findings()["command check"]
    assert found == Finding(
        "command check",
        "The command plugin 'check' of acme 1.0 has the name of a command of tricorn itself: uninstall it.",
        PROBLEM,
    )


def test_a_missing_library_is_a_note(install: Install) -> None:
    install("acme-slow", "1.0", {"tricorn.http": {"slow": "acme_slow"}}, acme_slow=UNAVAILABLE)
    found = findings()["http slow"]
    assert (found.verdict, "pip install quick" in found.found) == (NOTE, True)


def test_a_name_claimed_twice_is_a_problem(install: Install) -> None:
    install("acme-fast", "1.0", {"tricorn.http": {"fast": "acme_fast"}}, acme_fast="")
    install("other-fast", "2.0", {"tricorn.http": {"fast": "other_fast"}}, other_fast="")
    found = findings()["http fast"]
    assert found.verdict == PROBLEM
    assert "acme-fast 1.0 and other-fast 2.0" in found.found


def test_without_an_http_plugin_nothing_can_be_served(install: Install) -> None:
    install("acme", "1.0", {"tricorn.bundle": {"acme": "acme"}}, acme=BUNDLE)
    found = findings()["http auto"]
    assert (found.verdict, found.found) == (PROBLEM, "nothing of no (acme 1.0) works here")


def test_few_open_files_are_worth_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 1024))
    (found,) = (finding for finding in doctor.limits() if finding.what == "open files")
    assert found == Finding("open files", "256: raise it, for example with `ulimit -n` (at most 1024)", NOTE)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (65536, 65536))
    (found,) = (finding for finding in doctor.limits() if finding.what == "open files")
    assert found == Finding("open files", "65536", FINE)
