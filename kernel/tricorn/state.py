"""What a server has in hand, under the names that programs written for uvicorn read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tricorn.kernel import Kernel


class ServerState:
    """Counts of a kernel that may not exist yet: everything is empty before the server has started."""

    def __init__(self, kernel: Callable[[], Kernel | None]) -> None:
        self._kernel = kernel

    @property
    def total_requests(self) -> int:
        """Responses completed so far."""
        kernel = self._kernel()
        return 0 if kernel is None else kernel.total_requests

    @property
    def connections(self) -> set[Any]:
        """The open connections."""
        kernel = self._kernel()
        return set() if kernel is None else kernel.connections

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        """The fields that every response begins with."""
        kernel = self._kernel()
        lines = [] if kernel is None else kernel.default_fields.split(b"\r\n")
        return [(name, value) for name, colon, value in (line.partition(b": ") for line in lines) if colon]

    @property
    def tasks(self) -> set[Any]:
        """The tasks of the running application calls."""
        kernel = self._kernel()
        return set() if kernel is None else {call.task for call in kernel.calls if call.task is not None}
