"""A release: wheels that require each other's exact versions and nothing from the checkout, installed without it."""

from __future__ import annotations

import email
import urllib.request
import zipfile
from email.message import Message
from pathlib import Path

import pytest

from tests.environment import Environment
from tests.parts import BUNDLE, KERNEL, PLUGINS, ROOT
from tests.servers import CommandLine


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


@pytest.fixture
def wheels(release: Path) -> dict[str, Path]:
    """Those of the release, by the names of the distributions."""
    return {path.name.partition("-")[0].replace("_", "-"): path for path in release.glob("*.whl")}


def test_every_part_is_in_it_twice_with_one_version(release: Path, wheels: dict[str, Path]) -> None:
    assert len(list(release.glob("*.tar.gz"))) == len(PLUGINS) + 2
    assert set(wheels) == {part.name for part in (BUNDLE, KERNEL, *PLUGINS)}
    assert {metadata(wheel)["Version"] for wheel in wheels.values()} == {BUNDLE.version}


def test_a_wheel_has_its_licence_and_its_types_and_pins_its_siblings(wheels: dict[str, Path]) -> None:
    """Nothing is required by a path."""
    for name, wheel in wheels.items():
        with zipfile.ZipFile(wheel) as archive:
            files = [file for file in archive.namelist() if not file.endswith("/")]
        assert any(file.endswith("/licenses/LICENSE") for file in files), name
        if name == "tricorn":
            assert all(".dist-info/" in file for file in files)
        else:
            assert any(file.endswith("/py.typed") for file in files), name
        for requirement in metadata(wheel).get_all("Requires-Dist") or []:
            assert "file:" not in requirement
            if requirement.startswith("tricorn-"):
                assert f"=={BUNDLE.version}" in requirement, f"{name} requires {requirement}"


def test_bundle_kernel_and_one_http_plugin_serve_without_the_checkout(wheels: dict[str, Path], tmp_path: Path) -> None:
    environment = Environment.create(tmp_path / "venv", {"h11"})
    environment.install_wheels(wheels["tricorn"], wheels["tricorn-kernel"], wheels["tricorn-http-h11"])
    program = [str(environment.program("tricorn"))]
    arguments = ["--app-dir", str(ROOT / "examples"), "hello:app", "--port", "0", "--ws", "none"]
    with (
        CommandLine(*arguments, directory=tmp_path, program=program, python=environment.python) as server,
        urllib.request.urlopen(server.url + "/you", timeout=30) as response,
    ):
        assert response.read() == b"Hello from /you\n"
