"""The documentation: the site builds, its reference is made from the sources, and its commands do what it says."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.environment import Environment, run
from tests.parts import KERNEL, ROOT
from tests.servers import CommandLine
from tricorn.cli import main, serve_command
from tricorn.commands import find
from tricorn.options import OPTIONS
from tricorn.registry import PREFERENCES, Registry

DOCS = ROOT / "docs"
REFERENCE = ("api.md", "hooks.md", "options.md", "testing.md")
PAGES = sorted(page for page in DOCS.rglob("*.md") if page.parent.name != "reference")


def blocks(page: Path, language: str = r"\w*", title: str | None = None) -> list[str]:
    """The code blocks of a page, in their order; those with a title have it in their first line."""
    wanted = r"[^\n]*" if title is None else rf' title="{re.escape(title)}"'
    pattern = rf"^```{language}{wanted}\n(.*?)^```$"
    return re.findall(pattern, page.read_text(), re.MULTILINE | re.DOTALL)


def block(page: str, title: str) -> str:
    """The code block of a page with a title."""
    (found,) = blocks(DOCS / page, title=title)
    return str(found)


def commands(page: Path) -> list[list[str]]:
    """Every tricorn command in the code blocks of a page, whatever the block is a file of."""
    found = []
    for text in [*blocks(page), *re.findall(r"^    (\S.*)$", page.read_text(), re.MULTILINE)]:
        for line in text.splitlines():
            if match := re.match(r"(?:ExecStart=)?(?:\S*/)?tricorn (.*)", line):
                found.append(shlex.split(match[1], comments=True))
            elif match := re.search(r'(?:CMD|command:) \["?tricorn"?, (.*)\]', line):
                found.append([part.strip().strip('"') for part in match[1].split(",")])
    return found


# --- the site -----------------------------------------------------------------------------------------------------


def test_the_site_builds_and_no_link_is_broken(tmp_path: Path) -> None:
    shutil.copytree(DOCS, tmp_path / "docs", ignore=shutil.ignore_patterns("reference"))
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    run(sys.executable, ROOT / "scripts" / "build_reference.py", tmp_path / "docs" / "reference")
    run(Path(sys.executable).with_name("zensical"), "build", "--strict", directory=tmp_path)
    options = (tmp_path / "site" / "reference" / "options" / "index.html").read_text()
    assert [option.name for option in OPTIONS if option.cli and option.flags not in options] == []


def test_every_page_is_in_the_navigation() -> None:
    navigation = set(re.findall(r'= "(\S+\.md)"', (ROOT / "zensical.toml").read_text()))
    written = {f"reference/{name}" for name in REFERENCE}
    assert navigation == written | {str(page.relative_to(DOCS)) for page in PAGES}


def test_the_readme_names_every_option() -> None:
    text = (ROOT / "README.md").read_text()
    assert [option.flags for option in OPTIONS if option.cli and f"`{option.flags}" not in text] == []


# --- its commands -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_every_command_exists_with_its_options(page: Path) -> None:
    for arguments in commands(page):
        name, *rest = arguments
        command = find(name, rest, Registry())
        if command is not None:
            command.make_context(f"tricorn {name}", rest)
        else:
            arguments = rest if name == "dev" else arguments
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


def test_the_tutorial_answers_as_it_says(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("".join(blocks(DOCS / "tutorial.md", title="main.py")))
    _, *arguments = shlex.split(block("tutorial.md", "serve"))
    arguments[arguments.index("--port") + 1] = "0"
    program, url = shlex.split(block("tutorial.md", "ask"))
    assert program == "curl"
    with CommandLine(*arguments, "--app-dir", str(tmp_path), directory=tmp_path) as server:
        path = url.removeprefix("http://127.0.0.1:8000")
        with urllib.request.urlopen(server.url + path, timeout=30) as response:
            assert response.read().decode() == block("tutorial.md", "answer")
        server.end(signal.SIGTERM)
        assert any(line.startswith("INFO:     Using tricorn") for line in server.log)


def test_the_tutorial_shows_the_plugins_that_are_chosen() -> None:
    """Those that the kernel prefers, all of which `[standard]` brings."""
    (line,) = re.findall(r"Using tricorn .*", (DOCS / "tutorial.md").read_text())
    chosen = ", ".join(
        f"{kind} {names[0]} {KERNEL.version}" for kind, names in PREFERENCES.items() if kind != "terminal"
    )
    assert line == f"Using tricorn {KERNEL.version}, {chosen}"


def test_the_tutorials_own_test_passes(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("".join(blocks(DOCS / "tutorial.md", title="main.py")))
    (tmp_path / "test_main.py").write_text(block("tutorial.md", "test_main.py"))
    options = ["-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    assert "1 passed" in run(sys.executable, "-m", "pytest", *options, directory=tmp_path)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Kernel, h11 and wsproto."""
    made = Environment(tmp_path_factory.mktemp("docs") / "venv", {"h11", "wsproto"})
    made.install(KERNEL.folder, ROOT / "plugins" / "http_h11", ROOT / "plugins" / "ws_wsproto")
    return made


def follow(environment: Environment, page: str, title: str, directory: Path) -> list[str]:
    """Do what a block says, line by line; `pip install` from the folder that it names. Returns what was printed."""
    printed = []
    for line in block(page, title).splitlines():
        program, *arguments = shlex.split(line)
        if program == "pip":
            environment.install(directory / arguments[-1].partition("[")[0])
        elif arguments[0] != "main:app":
            printed.append(run(environment.program(program), *arguments, directory=directory))
    return printed


def test_the_plugin_guide_leads_to_a_plugin(environment: Environment, tmp_path: Path) -> None:
    follow(environment, "plugins.md", "new", tmp_path)
    (table,) = follow(environment, "plugins.md", "install", tmp_path)
    assert re.search(r"^http +swift +tricorn-http-swift ", table, re.MULTILINE)
    (verdict,) = follow(environment, "plugins.md", "check", tmp_path)
    assert verdict.rstrip().endswith(" checks passed, 0 failed.")


def test_the_bundle_guide_leads_to_a_bundle(environment: Environment, tmp_path: Path) -> None:
    follow(environment, "bundles.md", "bundle", tmp_path)
    follow(environment, "bundles.md", "use", tmp_path)
    rows = json.loads(run(environment.program("acme-server"), "plugins", "--json"))
    assert {row["name"] for row in rows if row["selected"] and row["kind"] in ("http", "ws", "loop")} == {
        "h11",
        "wsproto",
        "asyncio",
    }
