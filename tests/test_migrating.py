"""The page about migrating names all that a user of uvicorn may have written."""

from __future__ import annotations

import inspect
import re

import pytest
import uvicorn

from tests.parts import ROOT
from tricorn.cli import serve_command

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
    ours = {
        flag for option in serve_command(["--http", "h2"]).params for flag in (*option.opts, *option.secondary_opts)
    }
    wrong = []
    for line in PAGE.splitlines():
        cells = line.strip("|").split(" | ")
        if line.startswith("|") and len(cells) == 2:
            wrong += [flag for flag in re.findall(r"`(--[a-z0-9-]+)", cells[1]) if flag not in ours]
    assert wrong == []
