"""What the parts of `Http1Suite` share: a client that speaks in bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tricorn.testing.calls import Calls
from tricorn.testing.http1_client import Http1Client
from tricorn.testing.http_base import ServingSuite

__all__ = ["BEHIND", "Http1ServingSuite", "request"]

BEHIND = b"GET /behind HTTP/1.1\r\nHost: test\r\n\r\n"
"""A request to stand behind another one."""


def request(*fields: bytes, method: bytes = b"GET", target: bytes = b"/", version: bytes = b"1.1") -> bytes:
    """A request head with a Host and further field lines."""
    return b"\r\n".join([b"%b %b HTTP/%b" % (method, target, version), b"Host: test", *fields, b"", b""])


class Http1ServingSuite(ServingSuite):
    """A suite whose checks look at bytes."""

    client = Http1Client

    @asynccontextmanager
    async def http1(self, **options: Any) -> AsyncIterator[tuple[Calls, Http1Client]]:
        """As `serving`."""
        async with self.serving(**options) as (calls, client):
            assert isinstance(client, Http1Client)
            yield calls, client
