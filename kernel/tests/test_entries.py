"""The scan of what is installed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

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


def test_scanning_imports_no_plugin() -> None:
    program = (
        "import sys; from tricorn.entries import scan; scan();"
        "sys.exit(any(name.startswith(('tricorn_', 'tricorn.lifespan')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
