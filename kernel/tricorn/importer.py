"""Objects named by `module:attribute`, and applications named by less: a module, or a file."""

from __future__ import annotations

import ast
import inspect
import logging
import os
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from tricorn.interfaces import asgi3

log = logging.getLogger("tricorn.error")


class ImportFromStringError(Exception):
    """The text names nothing that can be imported: one line for the user."""


def import_from_string(import_str: Any) -> Any:
    """The object at `module:attribute.attribute`; what is not a string is returned as it is.

    Raises ImportFromStringError when the text has another form, the module does not exist or lacks the attribute. An
    exception inside the module surfaces unchanged: its traceback is what its author needs.
    """
    if not isinstance(import_str, str):
        return import_str
    name, _, attributes = import_str.partition(":")
    if not name or not attributes:
        raise ImportFromStringError(f'Import string "{import_str}" must be in format "<module>:<attribute>".')
    module = _import(name, attributes)
    found: Any = module
    for attribute in attributes.split("."):
        try:
            found = getattr(found, attribute)
        except AttributeError:
            import difflib

            close = difflib.get_close_matches(attribute, [n for n in dir(found) if not n.startswith("_")], 1)
            hint = f' Did you mean "{close[0]}"?' if close else _listed(module)
            raise ImportFromStringError(f'Attribute "{attributes}" not found in module "{name}".{hint}') from None
    return found


def find_app(text: str) -> str:
    """What a user may write for an application as `module:attribute`.

    A file (`src/api.py:app`) becomes its module, with the directory of its outermost package first on the path. Where
    only a module is named, it must hold exactly one application. Raises ImportFromStringError.
    """
    # The last colon, because a path on Windows has one of its own.
    name, colon, attributes = text.rpartition(":") if text.rpartition(":")[1] else (text, "", "")
    if name.endswith(".py") or os.sep in name:
        name = _module_of(Path(name))
    if not name or (colon and not attributes):
        raise ImportFromStringError(f'Import string "{text}" must be in format "<module>:<attribute>".')
    if attributes:
        return f"{name}:{attributes}"
    apps = applications(_import(name, ""))
    if len(apps) != 1:
        hint = f"one of {', '.join(apps)}" if apps else "none was found in the module"
        raise ImportFromStringError(
            f'Import string "{text}" must be in format "<module>:<attribute>": which application is meant? ({hint})'
        )
    log.info("Using %s:%s, the only application in %s.", name, apps[0], name)
    return f"{name}:{apps[0]}"


def applications(module: ModuleType) -> list[str]:
    """The names of what looks like an ASGI application: objects called with three arguments, or else functions."""
    objects, functions = [], []
    for name, value in vars(module).items():
        if name.startswith("_") or inspect.isclass(value) or not asgi3.takes(value, 3):
            continue
        if inspect.isfunction(value):
            if value.__module__ == module.__name__ and inspect.iscoroutinefunction(value):
                functions.append(name)
        elif asgi3.is_coroutine_function(value):
            objects.append(name)
    return objects or functions


def _import(name: str, attributes: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        # The module itself, or a package on the way to it; an import that fails inside it is another matter.
        if error.name is None or not (name == error.name or name.startswith(error.name + ".")):
            raise
        raise ImportFromStringError(f'Could not import module "{name}".{_where(name, attributes)}') from None


def _module_of(path: Path) -> str:
    """The module's name of a file, whose outermost package's directory is put on the path."""
    if not path.is_file():
        raise ImportFromStringError(f'There is no file "{path}".')
    parts = [] if path.name == "__init__.py" else [path.stem]
    directory = path.resolve().parent
    while (directory / "__init__.py").is_file():
        parts.insert(0, directory.name)
        directory = directory.parent
    if str(directory) not in sys.path:
        sys.path.insert(0, str(directory))
    return ".".join(parts)


def _where(name: str, attributes: str) -> str:
    """Where a module was looked for, and what may have been meant."""
    here = Path(sys.path[0] or os.curdir).resolve()
    top = name.partition(".")[0]
    below = [path.name for path in sorted(here.glob("*/")) if (path / f"{top}.py").is_file() or (path / top).is_dir()]
    if below:
        return f" Looked in {here}. It is in {below[0]} below: --app-dir {below[0]} looks there."
    files = {path.stem: path for path in here.glob("*.py")}
    import difflib

    close = difflib.get_close_matches(name, files, 1)
    if not close:
        return f" Looked in {here}."
    there = _assigned(files[close[0]])
    meant = f"{close[0]}:{attributes}" if attributes in there else close[0]
    return f' Looked in {here}. Did you mean "{meant}"?'


def _assigned(path: Path) -> list[str]:
    """The names that a file gives to something at its top level, without running it."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    defined = (ast.FunctionDef, ast.AsyncFunctionDef)
    names = [statement.name for statement in tree.body if isinstance(statement, defined)]
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            names += [target.id for target in statement.targets if isinstance(target, ast.Name)]
    return names


def _listed(module: ModuleType) -> str:
    apps = applications(module)
    return f" It has {', '.join(apps)}." if apps else ""
