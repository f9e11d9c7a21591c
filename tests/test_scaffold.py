"""`tricorn new` and `tricorn bundle`: what they write builds, installs, passes its own tests and serves."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.environment import Environment, Once, run
from tests.parts import KERNEL, ROOT, Part
from tricorn.scaffold.writing import KINDS, check_name

NAME = "my_own"


def write(folder: Path) -> None:
    """Have a new plugin of every kind written."""
    folder.mkdir()
    for kind in KINDS:
        output = run(sys.executable, "-m", "tricorn", "new", kind, NAME, "--into", folder)
        assert (f"tricorn {NAME}" if kind == "command" else f"tricorn main:app --{kind} {NAME}") in output


@pytest.fixture
def written(once: Once) -> Path:
    """A folder with a new plugin of every kind."""
    return once("scaffold", write)


@pytest.fixture
def environment(once: Once, written: Path) -> Environment:
    """Where they are installed, with the plugin that serves the tests of those that read no HTTP, and pytest."""

    def install(folder: Path) -> None:
        made = Environment.create(folder, {"h11", "pytest"})
        made.install(KERNEL.folder, ROOT / "plugins" / "http_h11", *written.iterdir())

    return Environment(once("scaffolded", install))


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_obeys_the_naming_rule(written: Path, kind: str) -> None:
    part = Part(written / f"tricorn-{kind}-my-own")
    package = f"tricorn_{kind}_my_own"
    assert part.name == package.replace("_", "-")
    assert part.entries == {kind: {NAME: package}}
    files = [path.relative_to(part.folder) for path in part.folder.rglob("*") if path.is_file()]
    assert {Path("README.md"), Path(package, "__init__.py"), Path(package, "py.typed")} < set(files)
    for file in files:
        assert "example" not in str(file)
        assert "example" not in (part.folder / file).read_text().lower()


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_passes_its_own_tests(environment: Environment, written: Path, kind: str) -> None:
    folder = written / f"tricorn-{kind}-my-own"
    # No caches: the folder is everybody's.
    output = run(environment.python, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", directory=folder)
    assert " passed" in output
    assert "skipped" not in output


@pytest.mark.parametrize("kind", ["ws", "loop"])  # for http tests/test_docs.py does it, with the guide's words
def test_a_new_plugin_passes_the_conformance_kit(environment: Environment, kind: str) -> None:
    output = run(environment.program("tricorn"), "check", kind, NAME)
    assert output.startswith(f"{kind} plugin 'my_own' of tricorn-{kind}-my-own 0.1.0: ")
    assert output.rstrip().endswith(" checks passed, 0 failed.")


def test_a_bundle_prefers_its_plugins_and_has_its_own_command(environment: Environment, tmp_path: Path) -> None:
    options = ["--http", "my_own,h11", "--ws", "my_own", "--loop", "asyncio", "--plugin", "my_own"]
    output = run(environment.program("tricorn"), "bundle", "acme-server", *options, "--into", tmp_path)
    assert "acme-server main:app" in output
    part = Part(tmp_path / "acme-server")
    assert sorted(part.requires) == [
        "tricorn-http-h11==0.1.0",
        "tricorn-http-my-own==0.1.0",
        "tricorn-kernel==0.1.0",
        "tricorn-plugin-my-own==0.1.0",
        "tricorn-ws-my-own==0.1.0",
    ]
    # In an environment of its own: in the other one it would decide what the plugins' tests are served by.
    own = Environment.create(tmp_path / "venv", {"h11"})
    own.install_wheels(*environment.wheels.glob("*.whl"))
    own.install(part.folder)
    rows = json.loads(run(own.program("acme-server"), "plugins", "--json"))
    selected = {(row["kind"], row["name"]) for row in rows if row["selected"]}
    assert {("http", "my_own"), ("ws", "my_own"), ("loop", "asyncio"), ("plugin", "my_own")} < selected
    assert ("http", "h11") not in selected
    usage = run(own.program("acme-server"), "--help")
    assert usage.startswith("Usage: acme-server ")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["new", "http", "h11"], 3, "There is a http plugin 'h11' of tricorn-http-h11 0.1.0 already"),
        (["new", "http", "Fast!"], 2, "'Fast!' is no name for a plugin"),
        (["new", "htpp", "fast"], 2, "'htpp' is not one of 'http', 'ws'"),
        (["new", "command", "check"], 3, "tricorn check is a command already: choose another name."),
        (["bundle", "acme"], 3, "A bundle without plugins"),
        (["bundle", "acme", "--http", "h1"], 3, "No http plugin 'h1'; did you mean 'h11'?"),
    ],
    ids=["taken", "name", "kind", "reserved", "empty", "unknown"],
)
def test_a_mistake_is_explained_in_one_line(
    tmp_path: Path, arguments: list[str], status: int, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    from tricorn.cli import main

    with pytest.raises(SystemExit) as caught:
        main([*arguments, "--into", str(tmp_path)])
    assert caught.value.code == status
    assert message in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from tricorn.cli import main

    (tmp_path / "tricorn-ws-fast").mkdir()
    with pytest.raises(SystemExit) as caught:
        main(["new", "ws", "fast", "--into", str(tmp_path)])
    assert caught.value.code == 3
    assert "exists already: choose another name" in capfd.readouterr().err


def test_dashes_in_names_become_underscores() -> None:
    assert check_name("quite-fast") == "quite_fast"
