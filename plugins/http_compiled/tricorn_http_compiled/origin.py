"""Whether the compiled module is made from the sources that are here. It asks this before it imports any of them."""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Mapping

import tricorn
from tricorn.api import Unavailable


def check(version: str, sources: Mapping[str, int]) -> None:
    """Raise Unavailable when the kernel is not of this version, or a source is another one now.

    sources: the checksum of each, by its name as `package/module.py`. They tell a kernel in a checkout, which changes
    while its version stays. They are read with every start: a digest would have more to load than a checksum.
    """
    if tricorn.__version__ != version:
        raise Unavailable(f"it was compiled from the kernel {version}, and this is {tricorn.__version__}: {AGAIN}")
    for name, checksum in sources.items():
        if _has_sources(name) and _checksum(name) != checksum:
            raise Unavailable(f"{name} has changed since it was compiled: {AGAIN}")


AGAIN = "install it again"


def _path(name: str) -> str:
    """Where a source is, of a package that has been imported."""
    package, _, module = name.partition("/")
    return os.path.join(os.path.dirname(str(sys.modules[package].__file__)), module)


def _has_sources(name: str) -> bool:
    """Whether a package is here with its sources: what a frozen program has instead nobody changes."""
    return os.path.isfile(_path(f"{name.partition('/')[0]}/__init__.py"))


def _checksum(name: str) -> int | None:
    """The checksum of a source, however its lines end; None for one that is gone."""
    try:
        with open(_path(name), "rb") as source:
            return zlib.crc32(source.read().replace(b"\r\n", b"\n"))
    except FileNotFoundError:
        return None
