"""A server process under watch: what it holds, and that it goes on serving others."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.servers import DEADLINE, CommandLine


class Watched:
    """A process that serves `tests.apps.abuse`: its address, and how its memory has grown since it was ready."""

    def __init__(self, server: CommandLine) -> None:
        self.url = server.url
        parts = urlsplit(self.url)
        self.address = (parts.hostname or "", parts.port or 0)
        self._status = Path(f"/proc/{server.popen.pid}/status")
        self.seen()
        self._before = self._peak()

    def _peak(self) -> int:
        found = re.search(r"VmHWM:\s+(\d+) kB", self._status.read_text())
        assert found is not None
        return int(found[1]) * 1024

    @property
    def growth(self) -> int:
        """Bytes between the peak now and the peak at first."""
        return self._peak() - self._before

    def seen(self) -> dict[str, int]:
        """What the application has counted; also shows that another client is served."""
        counters: dict[str, int] = httpx.get(self.url + "/seen", timeout=DEADLINE).json()
        return counters
