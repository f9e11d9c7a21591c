"""The page about migrating names all that a user of uvicorn may have written."""

from __future__ import annotations

import inspect
import re

import pytest
import uvicorn

from tests.parts import ROOT
from tricorn.options import OPTIONS

PAGE = (ROOT / "docs" / "migrating.md").read_text()
KEYWORDS = [name for name in inspect.signature(uvicorn.run).parameters if name not in ("app", "app_dir")]


@pytest.mark.parametrize("option", [option for command in [uvicorn.main] for option in command.params], ids=str)
def test_every_option_of_uvicorn_is_named(option: object) -> None:
    flags = [flag for flag in getattr(option, "opts", []) if flag.startswith("--")]
    assert [flag for flag in flags if f"`{flag}`" not in PAGE] == []


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_every_keyword_of_uvicorn_is_named(keyword: str) -> None:
    assert f"`{keyword}`" in PAGE


def test_every_option_in_the_right_hand_columns_exists() -> None:
    ours = {option.flags for option in OPTIONS} | {"--config", "--version"}
    ours |= {"--no-" + flag.removeprefix("--") for flag in ours}
    wrong = []
    for line in PAGE.splitlines():
        cells = line.strip("|").split(" | ")
        if line.startswith("|") and len(cells) == 2:
            wrong += [flag for flag in re.findall(r"`(--[a-z0-9-]+)", cells[1]) if flag not in ours]
    assert wrong == []
