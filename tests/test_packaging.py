"""A stranger's plugin and a company's bundle, as README.md shows them: built, installed, listed, checked and served."""

from __future__ import annotations

import json
import re
import signal
import urllib.request
from pathlib import Path

import pytest

from tests.environment import Environment, Once, run
from tests.parts import KERNEL, ROOT
from tests.servers import CommandLine

BUNDLE = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "acme-server"
version = "3.1"
dependencies = ["tricorn-kernel", "tricorn-http-plain"]

[project.scripts]
acme-serve = "tricorn.cli:main"

[project.entry-points."tricorn.bundle"]
acme = "acme_server"
"""


def readme_example(start: str, language: str) -> str:
    """The first code block of a language behind a text in README.md."""
    section = (ROOT / "README.md").read_text().partition(start)[2]
    match = re.search(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert match is not None, f"README.md has no {language} block behind {start!r}"
    return match[1]


def install(folder: Path) -> None:
    """Write plugin and bundle, and install them with the kernel in `venv`."""
    plugin, bundle = folder / "tricorn-http-plain", folder / "acme-server"
    (plugin / "tricorn_http_plain").mkdir(parents=True)
    (plugin / "pyproject.toml").write_text(readme_example("## Writing a plugin", "toml"))
    (plugin / "tricorn_http_plain" / "__init__.py").write_text(readme_example("## Writing a plugin", "python"))
    (bundle / "acme_server").mkdir(parents=True)
    (bundle / "pyproject.toml").write_text(BUNDLE)
    (bundle / "acme_server" / "__init__.py").write_text(readme_example("A bundle is a distribution", "python"))
    Environment.create(folder / "venv").install(KERNEL.folder, plugin, bundle)


@pytest.fixture
def environment(once: Once) -> Environment:
    """Where kernel, plugin and bundle are installed, and nothing else of tricorn."""
    return Environment(once("packaging", install) / "venv")


def test_the_plugin_and_the_bundle_are_listed(environment: Environment) -> None:
    rows = json.loads(run(environment.program("tricorn"), "plugins", "--json"))
    found = {(row["kind"], row["name"]): row for row in rows if row["installed"]}
    assert {name for kind, name in found if kind == "http"} == {"plain"}
    plain, acme = found["http", "plain"], found["bundle", "acme"]
    assert (plain["distribution"], plain["version"], plain["selected"]) == ("tricorn-http-plain", "1.0", True)
    assert plain["reason"] == "first of acme-server 3.1"
    assert (acme["distribution"], acme["version"], acme["selected"]) == ("acme-server", "3.1", True)


def test_the_plugin_passes_the_conformance_kit_without_pytest(environment: Environment) -> None:
    output = run(environment.program("tricorn"), "check", "http", "plain")
    match = re.fullmatch(
        r"http plugin 'plain' of tricorn-http-plain 1.0: (\d+) checks passed, 0 failed.", output.strip()
    )
    assert match is not None
    assert int(match[1]) > 20


def test_the_bundles_own_command_serves_through_the_plugin(environment: Environment, tmp_path: Path) -> None:
    arguments = ["--app-dir", str(ROOT / "examples"), "hello:app", "--port", "0", "--loop", "asyncio"]
    with CommandLine(
        *arguments, directory=tmp_path, program=[str(environment.program("acme-serve"))], python=environment.python
    ) as server:
        with urllib.request.urlopen(server.url + "/you", timeout=30) as response:
            assert response.read() == b"Hello from /you\n"
        assert server.end(signal.SIGTERM) == -signal.SIGTERM
        assert any("http plain 1.0" in line for line in server.log)
