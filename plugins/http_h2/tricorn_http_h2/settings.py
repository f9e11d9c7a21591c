"""SETTINGS in both directions (RFC 9113 section 6.5): what we announce, and what the client wishes."""

from __future__ import annotations

from typing import Any

from tricorn_http_h2 import frames
from tricorn_http_h2.frames import FLOW_CONTROL_ERROR, PROTOCOL_ERROR, ConnectionFault


def opening(settings: Any, websockets: bool) -> bytes:
    """The frames that begin our side of a connection."""
    pairs = [
        (frames.MAX_CONCURRENT_STREAMS, settings.h2_max_streams),
        (frames.MAX_HEADER_LIST_SIZE, settings.limit_request_head),
        (frames.NO_RFC7540_PRIORITIES, 1),
    ]
    if websockets:
        pairs.append((frames.ENABLE_CONNECT_PROTOCOL, 1))
    more = settings.h2_connection_window - frames.DEFAULT_WINDOW
    return frames.settings(*pairs) + (frames.window_update(0, more) if more else b"")


class PeerSettings:
    """The client's settings that matter to a server.

    window: of new streams, for what we send. We push nothing, so ENABLE_PUSH is only checked; we use no dynamic table,
    and send no larger frames than everybody takes.
    """

    __slots__ = ("_priorities", "window")

    def __init__(self) -> None:
        self.window = frames.DEFAULT_WINDOW
        self._priorities: int | None = None

    def apply(self, payload: bytes) -> int:
        """Take over the values; return by how much the window of open streams changes. Raises ConnectionFault."""
        before = self.window
        for name, value in frames.read_settings(payload):
            if name == frames.INITIAL_WINDOW_SIZE:
                if value > frames.LARGEST_WINDOW:
                    raise ConnectionFault(FLOW_CONTROL_ERROR, "SETTINGS_INITIAL_WINDOW_SIZE out of range")
                self.window = value
            elif name == frames.MAX_FRAME_SIZE:
                if not frames.FRAME_LIMIT <= value < 1 << 24:
                    raise ConnectionFault(PROTOCOL_ERROR, "SETTINGS_MAX_FRAME_SIZE out of range")
            elif name in (frames.ENABLE_PUSH, frames.ENABLE_CONNECT_PROTOCOL) and value > 1:
                raise ConnectionFault(PROTOCOL_ERROR, "a setting that is neither 0 nor 1")
            elif name == frames.NO_RFC7540_PRIORITIES:
                if value > 1 or self._priorities not in (None, value):
                    raise ConnectionFault(PROTOCOL_ERROR, "SETTINGS_NO_RFC7540_PRIORITIES is wrong or changes")
                self._priorities = value
        return self.window - before
