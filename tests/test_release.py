"""A release: wheels that require each other's exact versions and nothing from the checkout, installed without it."""

from __future__ import annotations

import email
import sys
import urllib.request
import zipfile
from email.message import Message
from pathlib import Path

from tests.environment import Environment, run
from tests.parts import BUNDLE, KERNEL, PLUGINS, ROOT
from tests.servers import CommandLine


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def check_contents(name: str, wheel: Path) -> None:
    """It has its licence and its types, and requires its siblings by exact versions, nothing by a path."""
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


def check_serving(wheels: dict[str, Path], folder: Path) -> None:
    """Bundle, kernel and one HTTP plugin serve without the checkout."""
    environment = Environment(folder / "venv", {"h11"})
    environment.install_wheels(wheels["tricorn"], wheels["tricorn-kernel"], wheels["tricorn-http-h11"])
    program = [str(environment.program("tricorn"))]
    arguments = ["--app-dir", str(ROOT / "examples"), "hello:app", "--port", "0", "--ws", "none"]
    with (
        CommandLine(*arguments, directory=folder, program=program, python=environment.python) as server,
        urllib.request.urlopen(server.url + "/you", timeout=30) as response,
    ):
        assert response.read() == b"Hello from /you\n"


def test_a_release_is_whole_and_pinned_and_serves_without_the_checkout(tmp_path: Path) -> None:
    """One test, because building the release is most of it."""
    out = tmp_path / "dist"
    run(sys.executable, ROOT / "scripts" / "build_release.py", out, "--no-isolation", directory=tmp_path)
    assert len(list(out.glob("*.tar.gz"))) == len(PLUGINS) + 2
    wheels = {path.name.partition("-")[0].replace("_", "-"): path for path in out.glob("*.whl")}
    assert set(wheels) == {part.name for part in (BUNDLE, KERNEL, *PLUGINS)}
    assert {metadata(wheel)["Version"] for wheel in wheels.values()} == {BUNDLE.version}
    for name, wheel in wheels.items():
        check_contents(name, wheel)
    check_serving(wheels, tmp_path)
