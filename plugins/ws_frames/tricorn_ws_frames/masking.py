"""Unmasking (RFC 6455 section 5.3): by the C helper of the websockets library where it was built."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import TYPE_CHECKING, Any

__all__ = ["unmask", "unmask_in_python"]


def unmask_in_python(data: bytes | bytearray | memoryview, mask: bytes | bytearray) -> bytes:
    """The exclusive or of the data and the mask, repeated: as two large integers, in linear time."""
    size = len(data)
    key = int.from_bytes((bytes(mask) * (size // 4 + 1))[:size], "little")
    return (int.from_bytes(data, "little") ^ key).to_bytes(size, "little")


def load_helper() -> Any:
    """The module `websockets.speedups`, or None where it was not built.

    Loaded without the package around it, whose import takes twenty times as long as a start-up's average module.
    """
    name = "websockets.speedups"
    if name in sys.modules:
        return sys.modules[name]
    package = find_spec("websockets")
    spec = None if package is None else PathFinder.find_spec(name, package.submodule_search_locations)
    if spec is None or spec.loader is None:
        return None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if TYPE_CHECKING:
    unmask = unmask_in_python
else:
    unmask = getattr(load_helper(), "apply_mask", unmask_in_python)
