"""The client of an HTTP/1 connection in memory: requests as bytes, responses read strictly (RFC 9112)."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from tricorn.testing.client import Answer, Client, Fields
from tricorn.testing.memory_server import MemoryServer

__all__ = ["Http1Client"]

_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) [\t\x20-\x7e\x80-\xff]*")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*([\t\x20-\x7e\x80-\xff]*?)[\t ]*")
_FRAMING = {b"content-length", b"transfer-encoding"}
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})\r\n")


class Http1Client(Client):
    """A client that pipelines as it is told to. What the server sends must be what RFC 9112 lets a server send:
    anything else fails the check that waits for it.

    received: every byte that has come. closed, reset: how the server has ended the connection. any_answers: take what
    answers come, and not those alone that are expected.
    """

    version = "1.1"

    def __init__(self, server: MemoryServer, /, any_answers: bool = False, **addresses: Any) -> None:
        super().__init__(server, **addresses)
        self.received = bytearray()
        self.reset = False
        self.any_answers = any_answers
        self._complete_answers = 0
        self._closed = False
        self._unread = bytearray()
        self._changed = asyncio.Event()
        self._chunked = False
        self._left: int | None = None  # None: the body ends with the connection
        self._in_body = False
        self.transport = server.connect(self._on_data, self._on_end, **addresses)

    # --- requests -------------------------------------------------------------------------------------------------

    def ask(
        self,
        method: bytes = b"GET",
        target: bytes = b"/",
        fields: Fields = (),
        body: bytes = b"",
        *,
        end: bool = True,
        length: int | None = None,
    ) -> Answer:
        """Send a request (`Client.ask`): chunked unless it ends here or has a length."""
        if length is None and end and body:
            length = len(body)
        chunked = length is None and not end
        lines = [b"%b %b HTTP/1.1\r\nHost: test\r\n" % (method, target), *(b"%b: %b\r\n" % field for field in fields)]
        if length is not None:
            lines.append(b"Content-Length: %d\r\n" % length)
        elif chunked:
            lines.append(b"Transfer-Encoding: chunked\r\n")
        lines.append(b"\r\n")
        if body:
            lines.append(b"%x\r\n%b\r\n" % (len(body), body) if chunked else body)
        return self.ask_raw(b"".join(lines), method=method, chunked=chunked)

    def ask_raw(self, request: bytes, *, method: bytes = b"GET", chunked: bool = False) -> Answer:
        """Send bytes that get one answer."""
        answer = self.expect(method, chunked)
        self.transport.client_send(request)
        return answer

    def expect(self, method: bytes = b"GET", chunked: bool = False) -> Answer:
        """An answer to bytes that are sent otherwise."""
        answer = Answer((method, chunked))
        self.answers.append(answer)
        if self._closed:
            self._end_answer(answer)
        return answer

    def send_raw(self, data: bytes) -> None:
        """Send bytes that get no answer of their own."""
        self.transport.client_send(data)

    async def send_pieces(self, data: bytes, size: int = 1) -> None:
        """Send bytes in segments, with a turn of the loop after each."""
        for start in range(0, len(data), size):
            self.transport.client_send(data[start : start + size])
            await asyncio.sleep(0)

    def send(self, answer: Answer, data: bytes, end: bool = False) -> None:
        """Send more of a body (`Client.send`)."""
        if answer.request[1]:
            data = (b"%x\r\n%b\r\n" % (len(data), data) if data else b"") + (b"0\r\n\r\n" if end else b"")
        self.transport.client_send(data)

    def unsent(self, answer: Answer) -> int:
        """What the transport holds back (`Client.unsent`)."""
        return self.transport.client_unsent

    def leave(self, answer: Answer) -> None:
        """The connection breaks (`Client.leave`)."""
        self.transport.client_reset()

    def half_close(self) -> None:
        """Say that no more requests follow."""
        self.transport.client_eof()

    def pause(self) -> None:
        """Stop taking (`Client.pause`)."""
        self.transport.client_pause()

    def resume(self) -> None:
        """Take again (`Client.resume`)."""
        self.transport.client_take()

    @property
    def closed(self) -> bool:
        """Whether the server has ended the connection."""
        return self._closed

    async def until_closed(self) -> None:
        """Return when the server has ended the connection."""
        while not self._closed:
            self._changed.clear()
            await self._changed.wait()

    # --- responses ------------------------------------------------------------------------------------------------

    def _on_data(self, data: bytes) -> None:
        self.received += data
        self._unread += data
        while self._unread and self._advance():
            pass
        self._changed.set()

    def _on_end(self, reset: bool) -> None:
        self._closed = True
        self.reset = reset
        if self._in_body and self._left is None and not self._chunked and not reset:
            self._complete()
        for answer in self.answers:
            self._end_answer(answer)
        self._changed.set()

    def _end_answer(self, answer: Answer) -> None:
        if not answer.complete:
            answer.cut = True
            answer.changed()

    @property
    def _current(self) -> Answer:
        if self._complete_answers < len(self.answers):
            return self.answers[self._complete_answers]
        assert self.any_answers, f"bytes that answer no request: {bytes(self._unread[:200])!r}"
        # A refusal is not in the access log, and nothing follows it.
        logged = self.server.access[len(self.answers) : len(self.answers) + 1]
        return self.expect(logged[0][1].encode() if logged else b"GET")

    def _advance(self) -> bool:
        """Take one element of a message from the bytes that wait; False when it has not arrived completely."""
        if not self._in_body:
            return self._read_head()
        answer = self._current
        if self._chunked:
            return self._read_chunk(answer)
        take = len(self._unread) if self._left is None else min(self._left, len(self._unread))
        answer.body += self._unread[:take]
        del self._unread[:take]
        answer.changed()
        if self._left is not None:
            self._left -= take
            if not self._left:
                self._complete()
        return bool(self._unread)

    def _read_head(self) -> bool:
        end = self._unread.find(b"\r\n\r\n")
        if end < 0:
            return False
        first, *lines = bytes(self._unread[:end]).split(b"\r\n")
        del self._unread[: end + 4]
        status_line = _STATUS_LINE.fullmatch(first)
        assert status_line is not None, f"not a status line: {first!r}"
        status = int(status_line[1])
        fields = self._fields(lines)
        answer = self._current
        if status < 200 and status != 101:
            assert not {name for name, _ in fields} & _FRAMING, f"framing fields on a {status}"
            answer.interim.append((status, fields))
            answer.changed()
            return True
        answer.status, answer.fields = status, fields
        self._frame(answer)
        answer.changed()
        return True

    def _fields(self, lines: list[bytes]) -> list[tuple[bytes, bytes]]:
        fields = []
        for line in lines:
            field = _FIELD.fullmatch(line)
            assert field is not None, f"not a field line: {line!r}"
            fields.append((field[1].lower(), field[2]))
        return fields

    def _frame(self, answer: Answer) -> None:
        """How the body is framed (RFC 9112 section 6.3)."""
        lengths, codings = answer.values(b"content-length"), answer.values(b"transfer-encoding")
        assert len(lengths) + len(codings) <= 1, "two framings in one response"
        assert not codings or codings == [b"chunked"], f"an unknown coding: {codings!r}"
        assert answer.status not in (101, 204) or not (lengths or codings), f"framing fields on a {answer.status}"
        self._in_body = True
        self._chunked = bool(codings)
        self._left = int(lengths[0]) if lengths else None
        if answer.request[0] == b"HEAD" or answer.status in (204, 304):
            self._left, self._chunked = 0, False
        if self._left == 0 and not self._chunked:
            self._complete()

    def _read_chunk(self, answer: Answer) -> bool:
        size = _CHUNK.match(self._unread)
        if size is None:
            assert b"\r\n" not in self._unread[:20], f"not a chunk: {bytes(self._unread[:40])!r}"
            return False
        length = int(size[1], 16)
        if not length:
            end = self._unread.find(b"\r\n\r\n", size.end() - 2)
            if end < 0:
                return False
            answer.trailers = self._fields(bytes(self._unread[size.end() : end + 2]).split(b"\r\n")[:-1])
            del self._unread[: end + 4]
            self._complete()
            return True
        if len(self._unread) < size.end() + length + 2:
            return False
        stop = size.end() + length
        assert self._unread[stop : stop + 2] == b"\r\n", "a chunk without its end"
        answer.body += self._unread[size.end() : stop]
        del self._unread[: stop + 2]
        answer.changed()
        return True

    def _complete(self) -> None:
        answer = self._current
        answer.complete = True
        self._complete_answers += 1
        self._in_body = False
        answer.changed()
