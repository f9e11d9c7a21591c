"""The application that nobody named: looked for by the names that files and applications mostly have.

The files are read, not run: a supervisor's parent never imports the application.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

FILES = ("main.py", "app.py", "asgi.py", "app/main.py", "*/asgi.py")
"""Where frameworks and tutorials put it, the likeliest first."""

NAMES = ("app", "application", "api", "asgi")
FACTORIES = ("create_app", "make_app")


class Found(NamedTuple):
    """An application as `module:attribute`, how it was found, and whether it is what the attribute returns."""

    app: str
    how: str
    factory: bool


class NothingFound(Exception):
    """There is no application where one was looked for: one line for the user."""


def find_unnamed(directory: Path) -> Found:
    """The application of a directory. Raises NothingFound."""
    looked_at = []
    for pattern in FILES:
        for path in sorted(directory.glob(pattern)):
            shown = path.relative_to(directory).as_posix()
            looked_at.append(shown)
            defined = top_level_names(path)
            for name in (*NAMES, *FACTORIES):
                if name in defined:
                    module = shown.removesuffix(".py").replace("/", ".")
                    how = f"{shown} is the first of {', '.join(FILES)} that is here and defines {name}"
                    return Found(f"{module}:{name}", how, name in FACTORIES)
    where = directory.resolve()
    if looked_at:
        what = f"none of {', '.join((*NAMES, *FACTORIES))} is defined in {', '.join(looked_at)}"
    else:
        what = f"there is no {', '.join(FILES[:-1])} or {FILES[-1]}"
    raise NothingFound(f"No APP was given, and in {where} {what}: name it as module:attribute.")


def top_level_names(path: Path) -> set[str]:
    """What a file defines, or imports, at its top level. Empty for a file that is no Python."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return set()
    names: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(statement.name)
        elif isinstance(statement, ast.Assign):
            names |= {target.id for target in statement.targets if isinstance(target, ast.Name)}
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            names.add(statement.target.id)
        elif isinstance(statement, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in statement.names}
    return names
