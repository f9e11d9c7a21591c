"""The client of a check, in HTTP's own words: what is sent and what is answered, whatever version carries it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from tricorn.testing.memory_server import MemoryServer

__all__ = ["Answer", "Client"]

Fields = Sequence[tuple[bytes, bytes]]


class Answer:
    """What comes back for one request.

    interim: status and fields of each 1xx. status: of the final response, once its head is there. fields: in lower
    case, in order. body: what has arrived. complete: the response has ended as it should. cut: it never will.
    """

    def __init__(self, request: Any = None) -> None:
        self.request = request
        self.interim: list[tuple[int, list[tuple[bytes, bytes]]]] = []
        self.status: int | None = None
        self.fields: list[tuple[bytes, bytes]] = []
        self.body = bytearray()
        self.trailers: list[tuple[bytes, bytes]] = []
        self.complete = False
        self.cut = False
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Called by the client when something about the answer has changed."""
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return as soon as something that arrived has made the condition true."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    async def head(self) -> int:
        """The status, once it is there. Raises AssertionError when the answer ends without one."""
        await self.until(lambda: self.status is not None or self.cut)
        assert self.status is not None, "the connection ended without an answer"
        return self.status

    async def whole(self) -> bytes:
        """The body, once it is complete. Raises AssertionError when it is cut."""
        await self.until(lambda: self.complete or self.cut)
        assert self.complete, f"the answer was cut after {len(self.body)} bytes of its body"
        return bytes(self.body)

    async def ended(self) -> bool:
        """Wait for the end, whichever; return whether it was complete."""
        await self.until(lambda: self.complete or self.cut)
        return self.complete

    def values(self, name: bytes) -> list[bytes]:
        """The values of all fields of a name."""
        return [value for other, value in self.fields if other == name]


class Client(ABC):
    """One connection's client. A suite for another version of HTTP brings its own.

    version: `http_version` of the scope. answers: of the requests asked, in order.
    """

    version: ClassVar[str]

    def __init__(self, server: MemoryServer, /, **addresses: Any) -> None:
        self.server = server
        self.answers: list[Answer] = []

    @abstractmethod
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
        """Send a request with its first body bytes. Without `end`, `send` continues the body.

        length: announce this Content-Length. The authority is added.
        """

    @abstractmethod
    def send(self, answer: Answer, data: bytes, end: bool = False) -> None:
        """Send more of the body of a request."""

    @abstractmethod
    def unsent(self, answer: Answer) -> int:
        """Bytes of the request's body that the server does not take at present."""

    @abstractmethod
    def leave(self, answer: Answer) -> None:
        """Give a request up, as a browser does when its window is closed."""

    @abstractmethod
    def pause(self) -> None:
        """Take nothing more of what the server sends."""

    @abstractmethod
    def resume(self) -> None:
        """Take what has come meanwhile, and what will."""

    @property
    @abstractmethod
    def closed(self) -> bool:
        """Whether the server has ended the connection."""
