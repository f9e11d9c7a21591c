"""HTTP/1 without a codec: a provider that declines every head, so that the kernel's own strict reader serves alone."""

from __future__ import annotations

from tricorn.api import Headers, Http1Codec, HttpProvider

__all__ = ["STRICT"]


class _Declining:
    """An `Http1Codec` that reads nothing."""

    def read_head(self, head: bytes) -> tuple[bytes, bytes, Headers]:
        raise ValueError("declined")


_: type[Http1Codec] = _Declining

STRICT = HttpProvider(codec=_Declining)
