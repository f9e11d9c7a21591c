"""Unmasking (RFC 6455 section 5.3): by the C helper of the websockets library where it was built."""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["unmask", "unmask_in_python"]


def unmask_in_python(data: bytes | bytearray | memoryview, mask: bytes | bytearray) -> bytes:
    """The exclusive or of the data and the mask, repeated: as two large integers, in linear time."""
    size = len(data)
    key = int.from_bytes((bytes(mask) * (size // 4 + 1))[:size], "little")
    return (int.from_bytes(data, "little") ^ key).to_bytes(size, "little")


if TYPE_CHECKING:
    unmask = unmask_in_python
else:
    try:
        from websockets.speedups import apply_mask as unmask
    except ImportError:
        unmask = unmask_in_python
