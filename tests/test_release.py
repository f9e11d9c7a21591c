"""A release: wheels that require each other's exact versions and nothing from the checkout, installed without it."""

from __future__ import annotations

import email
import sys
import urllib.request
import zipfile
from email.message import Message
from pathlib import Path

import pytest

from tests.environment import Environment, run
from tests.parts import BUNDLE, KERNEL, PLUGINS, ROOT
from tests.servers import CommandLine


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What the release script builds, by the names of the distributions."""
    out = tmp_path_factory.mktemp("release")
    run(sys.executable, ROOT / "scripts" / "build_release.py", out, "--no-isolation", directory=out)
    assert len(list(out.glob("*.tar.gz"))) == len(PLUGINS) + 2
    return {path.name.partition("-")[0].replace("_", "-"): path for path in out.glob("*.whl")}


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def test_a_release_has_every_part(wheels: dict[str, Path]) -> None:
    assert set(wheels) == {part.name for part in (BUNDLE, KERNEL, *PLUGINS)}
    assert {metadata(wheel)["Version"] for wheel in wheels.values()} == {BUNDLE.version}


def test_parts_require_exact_versions_and_nothing_from_the_checkout(wheels: dict[str, Path]) -> None:
    for name, wheel in wheels.items():
        for requirement in metadata(wheel).get_all("Requires-Dist") or []:
            assert "file:" not in requirement
            if requirement.startswith("tricorn-"):
                assert f"=={BUNDLE.version}" in requirement, f"{name} requires {requirement}"


def test_the_bundle_holds_no_modules(wheels: dict[str, Path]) -> None:
    with zipfile.ZipFile(wheels["tricorn"]) as archive:
        assert [name for name in archive.namelist() if ".dist-info/" not in name] == []


def test_every_wheel_holds_its_licence_and_its_types(wheels: dict[str, Path]) -> None:
    for name, wheel in wheels.items():
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
        assert any(file.endswith("/licenses/LICENSE") for file in names), name
        assert name == "tricorn" or any(file.endswith("/py.typed") for file in names), name


def test_the_wheels_serve_without_the_checkout(wheels: dict[str, Path], tmp_path: Path) -> None:
    environment = Environment(tmp_path / "venv", {"h11"})
    environment.install_wheels(wheels["tricorn"], wheels["tricorn-kernel"], wheels["tricorn-http-h11"])
    program = [str(environment.program("tricorn"))]
    arguments = ["--app-dir", str(ROOT / "examples"), "hello:app", "--port", "0", "--ws", "none"]
    with (
        CommandLine(*arguments, directory=tmp_path, program=program, python=environment.python) as server,
        urllib.request.urlopen(server.url + "/you", timeout=30) as response,
    ):
        assert response.read() == b"Hello from /you\n"
