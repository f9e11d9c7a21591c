from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.stumbling.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project of a user's; what is served in it ends with the test."""
    with ExitStack() as stack:
        yield Project(tmp_path, stack)
