"""Clients that ask for something all the time and note every request that was not answered."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from urllib.parse import urlsplit

from tests.servers import DEADLINE


class Load:
    """A thread of clients, from the beginning of the block to its end.

    Some ask on connections that persist, some on a new connection each time, some pause between two requests.

    answers: the bodies of all responses, in their order. lost: what happened to each request without a complete one.
    cut: those of the lost whose response had begun.
    A connection that cannot be had is no lost request: it ends its client.
    """

    def __init__(self, url: str, persistent: int = 4, single: int = 4, pausing: int = 2) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 0
        self._clients = [(False, 0.0)] * persistent + [(True, 0.0)] * single + [(False, 0.02)] * pausing
        self.answers: list[bytes] = []
        self.lost: list[str] = []
        self.cut: list[str] = []
        self._more = threading.Condition()
        self._stop = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Let every client get the answer that it waits for, and none ask again."""
        self._stop = True
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive(), "a client waits for an answer"

    def wait_for(self, count: int) -> None:
        """Wait until so many more answers have come."""
        with self._more:
            goal = len(self.answers) + count
            assert self._more.wait_for(lambda: len(self.answers) >= goal, DEADLINE), f"no answers: {self.lost[:5]}"

    def wait_until_refused(self) -> None:
        """Wait until every client has been refused a connection."""
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive(), "the server still accepts connections"

    async def _run(self) -> None:
        await asyncio.gather(*(self._client(single, pause) for single, pause in self._clients))

    async def _client(self, single: bool, pause: float) -> None:
        persists = False
        while not self._stop:
            try:
                if not persists:
                    reader, writer = await asyncio.open_connection(self._host, self._port)
            except ConnectionError:
                return
            state = "persistent" if persists else "new"
            writer.write(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
            begun = b""
            try:
                begun = await reader.readexactly(1)
                persists = await self._answer(begun, reader) and not single
            except (OSError, asyncio.IncompleteReadError) as error:
                self.lost.append(f"{state} connection: {error!r}")
                if begun:
                    self.cut.append(self.lost[-1])
                persists = False
            if not persists:
                writer.close()
            await asyncio.sleep(pause)
        if persists:
            writer.close()

    async def _answer(self, begun: bytes, reader: asyncio.StreamReader) -> bool:
        """Read a response that has begun; whether the connection persists."""
        head = begun + await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        with self._more:
            self.answers.append(body)
            self._more.notify_all()
        return b"connection: close" not in head.lower()
