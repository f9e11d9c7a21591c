"""Where a thread is: one line about its stack, for messages about a process or an event loop that does not get on."""

from __future__ import annotations

import linecache
import sys
import sysconfig
from pathlib import Path
from types import FrameType

import tricorn

_FOREIGN = tuple(
    {
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        str(Path(tricorn.__file__).parent),
        "<frozen",
    }
)
"""Where code comes from that its user did not write."""


def place_of(thread: int) -> str | None:
    """Where the thread with this identifier is: `pdf.py:88 in render: page.draw()`; None for a thread that has ended.

    Names the innermost line that belongs to neither the standard library, an installed package nor the server; where
    there is none, the innermost line.
    """
    return place_of_frame(sys._current_frames().get(thread))


def place_of_frame(innermost: FrameType | None) -> str | None:
    """The same for a frame."""
    frame = innermost
    while frame is not None and frame.f_code.co_filename.startswith(_FOREIGN):
        frame = frame.f_back
    frame = frame or innermost
    if frame is None:
        return None
    path, line = frame.f_code.co_filename, frame.f_lineno
    source = linecache.getline(path, line).strip()
    return f"{Path(path).name}:{line} in {frame.f_code.co_name}" + (f": {source}" if source else "")
