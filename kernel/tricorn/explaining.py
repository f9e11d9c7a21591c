"""What a user is shown of an exception in a module of his own."""

from __future__ import annotations

import asyncio
import importlib
import sys
import traceback
from pathlib import Path

_OURS = (
    str(Path(__file__).parent),
    str(Path(importlib.__file__).parent),
    str(Path(asyncio.__file__).parent),
    "<frozen importlib",
)
"""Where the frames come from that lead to the module: the server, its event loop, the machinery of imports."""

_COMPILED = ".pyx"
"""How the source files of compiled event loops end."""


def explain(error: Exception) -> None:
    """Print the traceback of an exception in somebody's own module from where that module comes in.

    For a missing module it says which Python was looked through, and whether an environment nearby has it.
    """
    trace = error.__traceback__
    while trace is not None and _leads(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    if trace is None and isinstance(error, SyntaxError):
        print("".join(traceback.format_exception_only(error)), end="", file=sys.stderr)
    else:
        traceback.print_exception(error.with_traceback(trace or error.__traceback__))
    if isinstance(error, ModuleNotFoundError) and error.name:
        top = error.name.partition(".")[0]
        venv = _having(top)
        where = "" if venv is None or venv.is_absolute() else " here"
        hint = f" {venv}{where} has it: {venv / 'bin' / 'python'} -m tricorn." if venv is not None else ""
        print(f"ERROR:    There is no module {top!r} for {sys.executable}.{hint}", file=sys.stderr)


def _having(module: str) -> Path | None:
    """The virtual environment of this directory, or of one above it, that has a module."""
    for directory in (here := Path.cwd(), *here.parents):
        for venv in (directory / ".venv", directory / "venv"):
            for place in (*venv.glob("lib/python*/site-packages"), venv / "Lib" / "site-packages"):
                if (place / module).is_dir() or (place / f"{module}.py").is_file():
                    return venv.relative_to(here) if directory == here else venv
    return None


def _leads(path: str) -> bool:
    return path.startswith(_OURS) or path.endswith(_COMPILED)
