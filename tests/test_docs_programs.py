"""The Python in the documentation: every block can be compiled, and what serves in it is run."""

from __future__ import annotations

import ast
import re
import signal
from pathlib import Path

import pytest

from tests.pages import PAGES, READMES, blocks, name_of
from tests.servers import CommandLine

SERVES = re.compile(r"\b(tricorn\.(run|Server|serve_in_thread)|serve)\(")
"""What makes a paragraph a program."""

RUN = """
import ast, asyncio, inspect, sys
import httpx, tricorn
sys.path.insert(0, sys.argv[1])
from main import app
names = {"app": app, "httpx": httpx, "tricorn": tricorn}
made = eval(compile(sys.argv[2], "program", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
async def awaiting():
    await made
try:
    if inspect.iscoroutine(made):
        asyncio.run(awaiting())
except KeyboardInterrupt:
    pass
"""
"""Runs a program as a notebook would, where `await` needs no function around it."""

APP = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"served"})
"""

WITH_PYTHON = [page for page in (*READMES, *PAGES) if blocks(page, language="python")]


def programs(page: Path) -> list[str]:
    """The paragraphs of a page's blocks that serve, each with what the block imports before it."""
    found = []
    for text in blocks(page, language="python", title=""):
        imports = ""
        for paragraph in text.split("\n\n"):
            if SERVES.search(paragraph):
                found.append(f"{imports}\n{paragraph}")
            elif paragraph.startswith(("import ", "from ")):
                imports += paragraph
    return found


@pytest.mark.parametrize("page", WITH_PYTHON, ids=name_of)
def test_every_block_is_python(page: Path) -> None:
    for text in blocks(page, language="python"):
        compile(text, str(page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST)


@pytest.mark.parametrize("program", [text for page in WITH_PYTHON for text in programs(page)])
def test_a_program_serves_until_it_ends_or_is_interrupted(program: str, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(APP)
    text = re.sub(r"port=\d+", "port=0", program)
    with CommandLine(program=("-c", RUN, str(tmp_path), text), directory=tmp_path) as running:
        if "with " in program:  # serves for the length of a block, and ends by itself
            assert running.end() == 0
        else:
            running.wait_for(" running on ")
            assert running.end(signal.SIGINT) == 0
        assert not [line for line in running.log if "Traceback" in line]
