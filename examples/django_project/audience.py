"""Who listens to the stream of events."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Audience:
    """Counts those who listen, and tells when the last of them has left."""

    def __init__(self) -> None:
        self.size = 0
        self.gone = asyncio.Event()

    @contextmanager
    def member(self) -> Iterator[None]:
        """Count somebody in for as long as the block runs."""
        if self.size == 0:
            self.gone = asyncio.Event()
        self.size += 1
        try:
            yield
        finally:
            self.size -= 1
            if self.size == 0:
                self.gone.set()

    async def until_empty(self) -> None:
        """Return when nobody listens."""
        if self.size:
            await self.gone.wait()
