"""The documentation: the site builds, its reference is made from the sources, and its commands and tables are true."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from hatch_build import STANDARD
from tests.environment import run
from tests.pages import DOCS, PAGES, READMES, block, commands, name_of
from tests.parts import KERNEL, ROOT
from tricorn import api, hookspecs, testing
from tricorn.cli import main, serve_command
from tricorn.commands import find
from tricorn.dev import HTTPS
from tricorn.options import OPTIONS
from tricorn.registry import PREFERENCES, Registry

SECTION = re.MULTILINE | re.DOTALL
REFERENCE = ("api.md", "hooks.md", "options.md", "testing.md")


# --- the site -----------------------------------------------------------------------------------------------------


def test_the_site_builds_and_no_link_is_broken(tmp_path: Path) -> None:
    shutil.copytree(DOCS, tmp_path / "docs", ignore=shutil.ignore_patterns("reference"))
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    run(sys.executable, ROOT / "scripts" / "build_reference.py", tmp_path / "docs" / "reference")
    run(Path(sys.executable).with_name("zensical"), "build", "--strict", directory=tmp_path)
    options = (tmp_path / "site" / "reference" / "options" / "index.html").read_text()
    assert [option.name for option in OPTIONS if option.cli and option.flags not in options] == []


def test_the_reference_says_something_of_every_public_name(tmp_path: Path) -> None:
    run(sys.executable, ROOT / "scripts" / "build_reference.py", tmp_path)
    hooks = [name for name in vars(hookspecs) if name.startswith("tricorn_")]
    for page, names in (("api.md", api.__all__), ("testing.md", testing.__all__), ("hooks.md", hooks)):
        sections = dict(
            re.findall(r"^### `(\w+)`\n+```python\n.*?^```\n+(\S.*?)$", (tmp_path / page).read_text(), SECTION)
        )
        assert sorted(set(names) - sections.keys()) == []


def test_every_page_is_in_the_navigation() -> None:
    navigation = set(re.findall(r'= "(\S+\.md)"', (ROOT / "zensical.toml").read_text()))
    written = {f"reference/{name}" for name in REFERENCE}
    assert navigation == written | {str(page.relative_to(DOCS)) for page in PAGES}


def test_the_readme_names_every_option() -> None:
    text = (ROOT / "README.md").read_text()
    assert [option.flags for option in OPTIONS if option.cli and f"`{option.flags}" not in text] == []


def test_the_page_about_security_has_the_defaults_of_the_options() -> None:
    defaults = {option.flags: option.default for option in OPTIONS if option.cli}
    units = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20}
    said = {}
    for flag, number, unit in re.findall(
        r"^\|[^|]+\| `(--[\w-]+)` \| (off|[\d.]+) ?(KiB|MiB|) \|", (DOCS / "security.md").read_text(), re.MULTILINE
    ):
        said[flag] = None if number == "off" else float(number) * units[unit]
    assert len(said) > 12
    assert said == {flag: defaults[flag] for flag in said}


def test_the_tests_that_the_page_about_security_names_exist() -> None:
    folder, found = ROOT, []
    for name in re.findall(r"`((?:[\w.-]+/)*[\w-]+\.py)`", (DOCS / "security.md").read_text()):
        path = ROOT / name if "/" in name else folder / name  # "there" is where the last one was that names its folder
        folder = path.parent
        found.append(path)
    assert len(found) > 20
    assert [str(path) for path in found if not path.exists()] == []


# --- its commands -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [*READMES, *PAGES], ids=name_of)
def test_every_command_exists_with_its_options(page: Path) -> None:
    """Those of the lines that are not run here, too."""
    for line in commands(page):
        match = re.match(r"(?:\S*/)?tricorn (.*)", line)
        if match is None:
            continue
        arguments = shlex.split(match[1])
        name, *rest = arguments
        command = find(name, rest, Registry())
        if command is not None:
            command.make_context(f"tricorn {name}", rest)
        else:
            if name == "dev":
                arguments = [argument for argument in rest if argument not in HTTPS.opts]
            # Options of selected plugins exist too; one with a made-up name is for the reader to write.
            serve_command(arguments).make_context("tricorn", list(arguments))


def test_the_configuration_file_says_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tricorn.toml").write_text(block("howto/configuration.md", "tricorn.toml"))
    monkeypatch.chdir(tmp_path)
    main(["config", "--json"], standalone_mode=False)
    rows = {row["name"]: row["value"] for row in json.loads(capsys.readouterr().out) if row["source"] == "tricorn.toml"}
    assert rows == {
        "app": "main:app", "host": "0.0.0.0", "port": 8080, "workers": 4, "access_log": False, "log_level": "warning",
        "headers": [["X-Served-By", "tricorn"]], "plugins": ["metrics"], "metrics_path": "/internal/metrics",
    }  # fmt: skip


def test_the_tutorial_shows_the_plugins_that_are_chosen() -> None:
    """Those of `[standard]` that the kernel prefers."""
    (line,) = re.findall(r"Using tricorn .*", (DOCS / "tutorial.md").read_text())
    brought = {
        kind: next(name for name in names if f"plugins/{kind}_{name}" in STANDARD)
        for kind, names in PREFERENCES.items()
        if kind != "terminal"
    }
    chosen = ", ".join(f"{kind} {name} {KERNEL.version}" for kind, name in brought.items())
    assert line == f"Using tricorn {KERNEL.version}, {chosen}"
