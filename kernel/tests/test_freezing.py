"""What a frozen program finds without metadata is what the metadata say."""

from __future__ import annotations

from importlib import resources

import pytest

from tests.parts import KERNEL
from tricorn import entries, freezing


def test_the_kernels_own_plugins_are_those_of_its_entry_points() -> None:
    assert {kind: dict(names) for kind, names in freezing.OWN.items()} == KERNEL.entries


def test_a_frozen_program_without_metadata_has_the_published_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {(e.kind, e.name, e.value, e.version, e.distribution) for found in entries.scan().values() for e in found}
    monkeypatch.setattr(entries.sys, "frozen", True, raising=False)
    monkeypatch.setattr(entries, "_distributions", lambda: iter(()))
    found = {(e.kind, e.name, e.value, e.version, e.distribution) for found in entries.scan().values() for e in found}
    assert found == known


def test_pyinstaller_finds_the_hook() -> None:
    assert KERNEL.project["project"]["entry-points"]["pyinstaller40"] == {"hook-dirs": "tricorn.freezing:hook_dirs"}
    (directory,) = freezing.hook_dirs()
    assert directory == str(resources.files("tricorn.freezing"))
    assert resources.files("tricorn.freezing").joinpath("hook-tricorn.py").is_file()
