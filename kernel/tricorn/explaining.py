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
        having = [venv for venv in (".venv", "venv") if any(Path(venv).glob(f"lib/python*/site-packages/{top}"))]
        hint = f" {having[0]} here has it: {having[0]}/bin/python -m tricorn." if having else ""
        print(f"ERROR:    There is no module {top!r} for {sys.executable}.{hint}", file=sys.stderr)


def _leads(path: str) -> bool:
    return path.startswith(_OURS) or path.endswith(_COMPILED)
