"""The kernel as compiled connections see it. This is a part of the compiled module, and is not imported by itself."""

from __future__ import annotations

from typing import Any

from tricorn.recall import Recall


class Shared:
    """What the connections of one kernel read with every request, where an extension type finds it at once.

    What does not change while connections are open is copied, once. The rest is asked of the kernel: what is rare
    through `__getattr__`.
    """

    def __init__(self, kernel: Any) -> None:
        self.kernel = kernel
        self.access = kernel.access
        self.app = kernel.app
        self.calls = kernel.calls
        self.connections = kernel.connections
        self.create_task = kernel.create_task
        self.due = kernel.due
        self.head_lines = kernel.head_lines
        self.head_small = kernel.head_small
        self.hold = kernel.hold
        self.keep_alive = kernel.keep_alive
        self.limit_body = kernel.limit_body
        self.limit_concurrency = kernel.limit_concurrency
        self.loop = kernel.loop
        self.prefixes = kernel.prefixes
        self.recall = Recall()
        self.root_path = kernel.root_path
        self.settings = kernel.settings
        self.state = kernel.state
        self.timeout_body = kernel.timeout_body
        self.timeout_head = kernel.timeout_head
        self.ws = kernel.ws

    @property
    def clock(self) -> Any:
        """As it was at the last sweep."""
        return self.kernel.clock

    @property
    def persistent(self) -> Any:
        """Whether connections may go on after a response."""
        return self.kernel.persistent

    @property
    def total_requests(self) -> Any:
        """Responses that are complete."""
        return self.kernel.total_requests

    @total_requests.setter
    def total_requests(self, number: Any) -> None:
        self.kernel.total_requests = number

    def __getattr__(self, name: str) -> Any:
        return getattr(self.kernel, name)
