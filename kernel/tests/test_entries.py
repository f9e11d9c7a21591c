"""The scan of what is installed."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from tricorn.entries import KINDS, scan

Install = Callable[..., None]


def test_the_kernels_own_plugins_are_found_by_kind_and_sorted_by_name() -> None:
    found = scan()
    assert tuple(found) == KINDS
    assert [entry.name for entry in found["lifespan"]] == ["auto", "off", "on"]
    entry = found["loop"][0]
    assert str(entry) == f"loop plugin 'asyncio' of tricorn-kernel {entry.version}"


def test_groups_that_are_not_tricorns_are_left_alone(install: Install) -> None:
    install("acme", "1.0", {"tricornish.http": {"a": "x"}, "tricorn.unknown": {"b": "x"}, "tricorn.http": {"c_c": "x"}})
    names = {entry.name for entries in scan().values() for entry in entries}
    assert "c_c" in names
    assert not {"a", "b"} & names


@pytest.mark.parametrize("spelling", ["acme-parts", "Acme.Parts", "acme_parts"])
def test_a_distribution_found_twice_counts_once_the_first_on_the_path(
    spelling: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, install: Install
) -> None:
    install("acme_parts", "1.0", {"tricorn.http": {"twice": "old"}})
    info = tmp_path / "first" / "acme_parts-2.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {spelling}\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text("[tricorn.http]\ntwice = new\n")
    monkeypatch.syspath_prepend(str(tmp_path / "first"))
    assert [(entry.value, entry.version) for entry in scan()["http"] if entry.name == "twice"] == [("new", "2.0")]


def test_an_archive_on_the_path_is_searched_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, install: Install
) -> None:
    install("acme_folder", "1.0", {"tricorn.http": {"in_a_folder": "here"}})
    with ZipFile(tmp_path / "acme.zip", "w") as archive:
        archive.writestr("acme-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        archive.writestr("acme-1.0.dist-info/entry_points.txt", "[tricorn.http]\nin_an_archive = acme:plugin\n")
    monkeypatch.syspath_prepend(str(tmp_path / "acme.zip"))
    found = {entry.name: entry for entry in scan()["http"]}
    assert found["in_an_archive"].value == "acme:plugin"
    assert found["in_an_archive"].distribution == "acme"
    assert found["in_a_folder"].distribution == "acme_folder"


def test_what_another_finder_has_is_found(monkeypatch: pytest.MonkeyPatch, install: Install) -> None:
    class Dist(importlib.metadata.Distribution):
        def read_text(self, filename: str) -> str | None:
            return {"entry_points.txt": "[tricorn.http]\nelsewhere = acme\n", "METADATA": "Name: acme\n"}.get(filename)

        def locate_file(self, path: Any) -> Any:
            return path

    class Finder:
        @staticmethod
        def find_spec(*_: object) -> None:
            return None

        @staticmethod
        def find_distributions(context: object) -> list[Dist]:
            return [Dist()]

    install("acme_folder", "1.0", {"tricorn.http": {"in_a_folder": "here"}})
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    assert {"elsewhere", "in_a_folder"} <= {entry.name for entry in scan()["http"]}


def test_entry_points_are_read_as_their_specification_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "acme-2.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 2.0\n")
    text = """
; of many groups
[console_scripts]
acme = acme:main
[ tricorn.http ]
one=acme.one
# two = acme.no
  two  =  acme.two:plugin
[tricorn.unknown]
three = acme.three
[tricorn.ws]
four = acme.four
no entry
"""
    (info / "entry_points.txt").write_text(text)
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "nowhere"), ""])
    found = {kind: [(e.name, e.value) for e in entries if e.distribution == "acme"] for kind, entries in scan().items()}
    assert {kind: entries for kind, entries in found.items() if entries} == {
        "http": [("one", "acme.one"), ("two", "acme.two:plugin")],
        "ws": [("four", "acme.four")],
    }


def test_scanning_imports_no_plugin() -> None:
    program = (
        "import sys; from tricorn.entries import scan; scan();"
        "sys.exit(any(name.startswith(('tricorn_', 'tricorn.lifespan', 'email')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
