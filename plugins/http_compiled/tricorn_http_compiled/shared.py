"""The kernel as compiled connections see it. This is a part of the compiled module, and is not imported by itself."""

from __future__ import annotations

from typing import Any

from tricorn.recall import Recall
from tricorn.turn import Turn


class Shared:
    """What the connections of one kernel read with every request, where an extension type finds it at once.

    What stays as it is while connections are open is copied, once. `_live` is the kernel's own dict, for what changes,
    and `__getattr__` asks it for what is rare. `turn` is of the compiled kind.
    """

    def __init__(self, kernel: Any) -> None:
        self.kernel = kernel
        self._live = vars(kernel)
        self.access = kernel.access
        self.addresses = kernel.addresses
        self.app = kernel.app
        self.calls = kernel.calls
        self.connections = kernel.connections
        self.create_task = kernel.create_task
        self.due = kernel.due
        self.eager = kernel.eager
        self.head_lines = kernel.head_lines
        self.head_small = kernel.head_small
        self.keep_alive = kernel.keep_alive
        self.limit_body = kernel.limit_body
        self.limit_concurrency = kernel.limit_concurrency
        self.loop = kernel.loop
        self.prefixes = kernel.prefixes
        self.recall = Recall(kernel.head_small)
        self.root_path = kernel.root_path
        self.settings = kernel.settings
        self.state = kernel.state
        self.timeout_body = kernel.timeout_body
        self.timeout_head = kernel.timeout_head
        self.turn = Turn(kernel.loop)
        self.ws = kernel.ws

    def __getattr__(self, name: str) -> Any:
        return getattr(self.kernel, name)
