"""What each type of frame does (RFC 9113 section 6): one function for each, called by the connection's reader.

They check the frame itself and the state of its stream. A ConnectionFault ends the connection, a StreamFault the stream
that the frame is about. Frames on streams that are gone are counted and dropped where they may have been on their way;
where they cannot have been, they are faults.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tricorn_http_h2 import frames
from tricorn_http_h2.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    GOAWAY,
    HEADERS,
    LARGEST_WINDOW,
    PADDED,
    PING,
    PRIORITY,
    PRIORITY_UPDATE,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    STREAM_CLOSED,
    WINDOW_UPDATE,
    WITH_PRIORITY,
    ConnectionFault,
    StreamFault,
)
from tricorn_http_h2.priority import parse

if TYPE_CHECKING:
    from tricorn_http_h2.connection import Http2Connection

CONTINUATION_LIMIT = 16
"""CONTINUATION frames in one field block; a head of the largest size fits into four."""


class Block:
    """A field block that has not arrived completely. size: of what has; frames: how many CONTINUATION frames."""

    __slots__ = ("end", "frames", "parts", "size", "stream")

    def __init__(self, stream: int, part: bytes, end: bool) -> None:
        self.stream = stream
        self.end = end
        self.parts = [part]
        self.size = len(part)
        self.frames = 0


def _on_data(connection: Http2Connection, flags: int, number: int, payload: bytes) -> None:
    size = len(payload)
    connection.take_room(size)
    stream = connection.streams.get(number)
    if stream is None or not stream.receiving:
        _unexpected(connection, number)
        return
    if flags & PADDED:
        payload = _without_padding(payload)
    if payload:
        connection.control.earned += 1
    elif not flags & END_STREAM:
        connection.control.spend(connection.kernel.clock)
    stream.receive(payload, size, bool(flags & END_STREAM))


def _on_headers(connection: Http2Connection, flags: int, number: int, payload: bytes) -> None:
    if flags & PADDED:
        payload = _without_padding(payload)
    if flags & WITH_PRIORITY:
        if len(payload) < 5:
            raise ConnectionFault(FRAME_SIZE_ERROR, "HEADERS too short for its priority")
        _check_dependency(number, payload)
        payload = payload[5:]
    if not number & 1:
        raise ConnectionFault(PROTOCOL_ERROR, "HEADERS on a stream that a client cannot open")
    if not flags & END_HEADERS:
        connection.await_block(Block(number, payload, bool(flags & END_STREAM)))
    else:
        _on_block(connection, number, payload, bool(flags & END_STREAM))


def _on_continuation(connection: Http2Connection, flags: int, number: int, payload: bytes) -> None:
    block, connection.block = connection.block, None
    if block is None:
        raise ConnectionFault(PROTOCOL_ERROR, "CONTINUATION of nothing")
    block.parts.append(payload)
    block.size += len(payload)
    block.frames += 1
    if block.frames > CONTINUATION_LIMIT or block.size > connection.kernel.settings.limit_request_head:
        raise ConnectionFault(ENHANCE_YOUR_CALM, "a field block that does not end")
    if flags & END_HEADERS:
        _on_block(connection, number, b"".join(block.parts), block.end)
    else:
        connection.block = block


def _on_block(connection: Http2Connection, number: int, block: bytes, end: bool) -> None:
    """A complete field block: a request, or the trailers of one."""
    if number > connection.last:
        connection.open(number, block, end)
        return
    stream = connection.streams.get(number)
    if stream is not None and stream.receiving:
        connection.heads.trailers(block)
        if not end:
            raise StreamFault(PROTOCOL_ERROR, "a second head")
        stream.end()
        return
    connection.heads.skip(block)
    if stream is None and number != connection.last and not connection.was_reset(number):
        raise ConnectionFault(PROTOCOL_ERROR, "a stream identifier that is lower than the last")
    _unexpected(connection, number)


def _on_priority(connection: Http2Connection, flags: int, number: int, payload: bytes) -> None:
    """Deprecated, and ignored (RFC 9113 section 5.3.2); only its form is checked."""
    connection.control.spend(connection.kernel.clock)
    if number == 0:
        raise ConnectionFault(PROTOCOL_ERROR, "PRIORITY on stream 0")
    if len(payload) != 5:
        raise ConnectionFault(FRAME_SIZE_ERROR, "PRIORITY of a wrong size")
    _check_dependency(number, payload)


def _check_dependency(number: int, payload: bytes) -> None:
    if int.from_bytes(payload[:4], "big") & LARGEST_WINDOW == number:
        raise ConnectionFault(PROTOCOL_ERROR, "a stream that depends on itself")


def _on_rst_stream(connection: Http2Connection, flags: int, number: int, payload: bytes) -> None:
    if len(payload) != 4:
        raise ConnectionFault(FRAME_SIZE_ERROR, "RST_STREAM of a wrong size")
    _not_idle(connection, number)
    connection.resets.spend(connection.kernel.clock)
    stream = connection.streams.get(number)
    if stream is not None:
        stream.vanish()


def _on_settings(connection: Http2Connection, flags: int, number: int, payload: bytes) -> None:
    if number:
        raise ConnectionFault(PROTOCOL_ERROR, "SETTINGS on a stream")
    if flags & ACK:
        if payload:
            raise ConnectionFault(FRAME_SIZE_ERROR, "an acknowledgement with settings")
        connection.control.spend(connection.kernel.clock)
        return
    if len(payload) % 6:
        raise ConnectionFault(FRAME_SIZE_ERROR, "SETTINGS of a wrong size")
    change = connection.client_settings.apply(payload)
    if change:
        for stream in list(connection.streams.values()):
            if stream.window + change > LARGEST_WINDOW:
                raise ConnectionFault(FLOW_CONTROL_ERROR, "a stream's window overflows")
            stream.widen(change)
    connection.acknowledge(frames.SETTINGS_ACK)


def _on_push_promise(connection: Http2Connection, flags: int, number: int, payload: bytes) -> None:
    raise ConnectionFault(PROTOCOL_ERROR, "PUSH_PROMISE from a client")


def _on_ping(connection: Http2Connection, flags: int, number: int, payload: bytes) -> None:
    if number:
        raise ConnectionFault(PROTOCOL_ERROR, "PING on a stream")
    if len(payload) != 8:
        raise ConnectionFault(FRAME_SIZE_ERROR, "PING of a wrong size")
    if flags & ACK:
        connection.control.spend(connection.kernel.clock)
        connection.acknowledged(payload)
    else:
        connection.acknowledge(frames.ping(payload, ACK))


def _on_goaway(connection: Http2Connection, flags: int, number: int, payload: bytes) -> None:
    if number:
        raise ConnectionFault(PROTOCOL_ERROR, "GOAWAY on a stream")
    if len(payload) < 8:
        raise ConnectionFault(FRAME_SIZE_ERROR, "GOAWAY of a wrong size")
    connection.control.spend(connection.kernel.clock)
    if int.from_bytes(payload[4:8], "big"):
        # The client has given the connection up, and all that is on it.
        for stream in list(connection.streams.values()):
            stream.vanish()
    connection.depart()


def _on_window_update(connection: Http2Connection, flags: int, number: int, payload: bytes) -> None:
    if len(payload) != 4:
        raise ConnectionFault(FRAME_SIZE_ERROR, "WINDOW_UPDATE of a wrong size")
    connection.control.spend(connection.kernel.clock)
    increment = int.from_bytes(payload, "big") & LARGEST_WINDOW
    if number == 0:
        if not increment:
            raise ConnectionFault(PROTOCOL_ERROR, "WINDOW_UPDATE by nothing")
        connection.widen(increment)
        return
    _not_idle(connection, number)
    stream = connection.streams.get(number)
    if stream is None:
        return
    if not increment:
        raise StreamFault(PROTOCOL_ERROR, "WINDOW_UPDATE by nothing")
    if stream.window + increment > LARGEST_WINDOW:
        raise StreamFault(FLOW_CONTROL_ERROR, "the stream's window overflows")
    stream.widen(increment)


def _on_priority_update(connection: Http2Connection, flags: int, number: int, payload: bytes) -> None:
    """RFC 9218 section 7.1: the priority of a stream, which may not have been opened yet."""
    if number:
        raise ConnectionFault(PROTOCOL_ERROR, "PRIORITY_UPDATE on a stream")
    if len(payload) < 4:
        raise ConnectionFault(FRAME_SIZE_ERROR, "PRIORITY_UPDATE of a wrong size")
    connection.control.spend(connection.kernel.clock)
    target = int.from_bytes(payload[:4], "big") & LARGEST_WINDOW
    if not target & 1:
        raise ConnectionFault(PROTOCOL_ERROR, "PRIORITY_UPDATE for no request")
    stream = connection.streams.get(target)
    if stream is not None:
        scheduled = stream.waiting and stream.window > 0
        connection.schedule.remove(stream)
        stream.priority = parse(payload[4:])
        if scheduled:
            connection.schedule_stream(stream)
    elif target > connection.last and len(connection.priorities) < connection.max_streams:
        connection.priorities[target] = parse(payload[4:])


def _without_padding(payload: bytes) -> bytes:
    if not payload:
        raise ConnectionFault(FRAME_SIZE_ERROR, "a padded frame without a length of its padding")
    if payload[0] >= len(payload):
        raise ConnectionFault(PROTOCOL_ERROR, "more padding than payload")
    return payload[1 : len(payload) - payload[0]]


def _not_idle(connection: Http2Connection, number: int) -> None:
    if number == 0 or number > connection.last:
        raise ConnectionFault(PROTOCOL_ERROR, "a frame on a stream that is idle")


def _unexpected(connection: Http2Connection, number: int) -> None:
    """DATA or HEADERS on a stream on which the client has nothing more to say."""
    _not_idle(connection, number)
    if number in connection.streams:
        raise StreamFault(STREAM_CLOSED, "a frame behind END_STREAM")
    if not connection.was_reset(number):
        raise ConnectionFault(STREAM_CLOSED, "a frame on a stream that is closed")
    connection.control.spend(connection.kernel.clock)


Handler = Callable[["Http2Connection", int, int, bytes], None]

HANDLERS: dict[int, Handler] = {
    DATA: _on_data,
    HEADERS: _on_headers,
    PRIORITY: _on_priority,
    RST_STREAM: _on_rst_stream,
    SETTINGS: _on_settings,
    PUSH_PROMISE: _on_push_promise,
    PING: _on_ping,
    GOAWAY: _on_goaway,
    WINDOW_UPDATE: _on_window_update,
    CONTINUATION: _on_continuation,
    PRIORITY_UPDATE: _on_priority_update,
}
