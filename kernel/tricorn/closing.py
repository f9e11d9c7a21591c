"""Close frames of WebSockets: which codes exist, and what a close frame says (RFC 6455 sections 5.5.1 and 7.4)."""

from __future__ import annotations

__all__ = ["CLOSE_CODES", "read_close"]

CLOSE_CODES = frozenset((*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)))
"""The codes that a close frame may carry, by the RFC and the IANA registry."""


def read_close(payload: bytes | bytearray) -> tuple[int, str]:
    """Code and reason of a close frame; 1005 stands for a frame without a code.

    Raises ValueError for a payload or a code that must not be sent, UnicodeDecodeError for a reason that is not UTF-8.
    """
    if not payload:
        return 1005, ""
    reason = payload[2:].decode()
    code = int.from_bytes(payload[:2], "big")
    if code not in CLOSE_CODES:  # a code of one byte too
        raise ValueError("invalid close code")
    return code, reason
