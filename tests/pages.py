"""The documentation as its tests read it: its pages, the blocks of code in them, and the commands in those."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from tests.parts import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if page.parent.name != "reference")
READMES = sorted(
    (*ROOT.glob("README.md"), *ROOT.glob("*/README.md"), *ROOT.glob("plugins/*/README.md")),
    key=lambda page: (len(page.parts), page),
)

PROGRAMS = ("curl", "pip", "python", "python3", "tricorn")
"""What the commands in indented lines begin with; the other indented lines are what somebody is shown."""

BLOCK = re.compile(r'^```(\w*)(?: title="([^"]+)")?\n(.*?)^```$|^    (\S[^\n]*)$', re.MULTILINE | re.DOTALL)


def name_of(page: Path) -> str:
    """What the test of a page is called."""
    return str(page.relative_to(ROOT).with_suffix(""))


def blocks(page: Path, language: str | None = None, title: str | None = None) -> list[str]:
    """The code blocks of a page, in their order: those of a language, those with a title; an empty one is for none."""
    return [
        match[3]
        for match in BLOCK.finditer(page.read_text())
        if match[3] is not None and language in (None, match[1]) and title in (None, match[2] or "")
    ]


def block(page: str, title: str) -> str:
    """The code block of a page with a title."""
    (found,) = blocks(DOCS / page, title=title)
    return found


def files(page: Path) -> dict[str, str]:
    """What a page shows of files, by their names; blocks of one name continue each other, but for systemd's units.

    A title names a file where it has a dot or a capital letter. The others tell blocks apart.
    """
    found: dict[str, str] = {}
    for language, title, text, _ in BLOCK.findall(page.read_text()):
        if re.search(r"[.A-Z]", title):
            found[title] = text if language == "ini" else found.get(title, "") + text
    return found


def commands(page: Path) -> list[str]:
    """Every command in the code blocks of a page, as a shell takes it, whatever the block is a file of."""
    found = []
    for language, _, text, line in BLOCK.findall(page.read_text()):
        if line:
            found += [line] if _is_command(line) else []
        else:
            found += READERS.get(language, _nothing)(text)
    return found


def _is_command(line: str) -> bool:
    return line.split()[0].rpartition("/")[2] in PROGRAMS


def _nothing(text: str) -> Iterator[str]:
    yield from ()


def _shell(text: str) -> Iterator[str]:
    return (line.partition(" # ")[0].rstrip() for line in text.splitlines())


def _unnamed(text: str) -> Iterator[str]:
    return (line for line in _shell(text) if _is_command(line))


def _unit(text: str) -> Iterator[str]:
    """Those of a unit of systemd."""
    return iter(re.findall(r"^Exec\w+=(.*)$", text, re.MULTILINE))


def _dockerfile(text: str) -> Iterator[str]:
    """What fills and starts an image. The files around the Dockerfile are in the directory $CONTEXT."""
    for instruction, rest in re.findall(r"^(COPY|RUN|CMD) (.*)$", text, re.MULTILINE):
        if instruction == "COPY":
            source, target = rest.split()
            yield f'cp -r "$CONTEXT"/{source} {target}'
        else:
            yield rest if instruction == "RUN" else shlex.join(json.loads(rest))


def _manifest(text: str) -> Iterator[str]:
    """Those of Kubernetes' objects, which are lists in one line."""
    for words in re.findall(r"command: \[(.*?)\]", text):
        yield shlex.join(word.strip().strip('"') for word in words.split(","))


READERS = {"sh": _shell, "": _unnamed, "ini": _unit, "dockerfile": _dockerfile, "yaml": _manifest}
"""How commands are found in a block, by its language."""
