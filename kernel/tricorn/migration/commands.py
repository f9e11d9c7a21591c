"""Commands that run uvicorn, wherever they stand: in a shell, a Dockerfile, YAML, or a string of a program."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tricorn.migration.findings import Finding, Missing, check_plugin
from tricorn.options import OPTIONS
from tricorn.registry import Registry

WORKERS = re.compile(r"\buvicorn\.workers\.Uvicorn(H11)?Worker\b")
_WORD = re.compile(r"""[^\s"',\[\]()]+""")
_APP = re.compile(r"[\w./]+:[\w.]+(\(\))?")
_PROGRAM = re.compile(r"(.*/)?uvicorn")

FLAGS = {option.flags: option for option in OPTIONS if option.cli}
OTHERS = ("--version", "--help")


def in_text(text: str, registry: Registry) -> Iterator[Finding]:
    """What the lines of a file say about uvicorn; a line that ends in a backslash goes on."""
    lines = text.split("\n")
    while lines:
        number = text.count("\n") + 1 - (len(lines) - 1)
        line = lines.pop(0)
        while line.endswith("\\") and lines:
            line = line[:-1] + " " + lines.pop(0)
        if not line.lstrip().startswith("#"):
            yield from in_command(line, number, registry)


def in_command(text: str, line: int, registry: Registry) -> Iterator[Finding]:
    """What a text says about uvicorn, if it is a command that runs it or one that runs its worker under gunicorn."""
    for worker in WORKERS.finditer(text):
        name = worker[0].replace("uvicorn", "tricorn").replace("Uvicorn", "Tricorn")
        yield Finding(line, f"{worker[0]} becomes {name}.", False)
    words = _WORD.findall(text)
    at = next((at for at, word in enumerate(words) if _PROGRAM.fullmatch(word)), len(words))
    rest = words[at + 1 :]
    if any(_APP.fullmatch(word) or word.startswith("--") for word in rest):
        yield Finding(line, "the command uvicorn becomes tricorn.", False)
        for word, following in zip(rest, [*rest[1:], ""], strict=True):
            try:
                _check_option(word, following, registry)
            except Missing as missing:
                yield Finding(line, str(missing), True)


def _check_option(word: str, following: str, registry: Registry) -> None:
    flag, _, value = word.partition("=")
    if not flag.startswith("--") or flag == "--" or flag in OTHERS:
        return
    option = FLAGS.get(flag) or FLAGS.get(flag.replace("--no-", "--", 1))
    if option is None:
        raise Missing(f"{flag}: tricorn has no such option.")
    value = value or following
    if option.kind is not None and value and value[0] not in "-$<{":
        for name in value.split(","):
            check_plugin(registry, option.kind, name)
