"""What log processors and tracers read from a scope."""

from __future__ import annotations

from urllib.parse import quote

from tricorn.api import Scope
from tricorn.session import ClientDisconnected

__all__ = ["ClientDisconnected", "get_client_addr", "get_path_with_query_string"]


def get_client_addr(scope: Scope) -> str:
    """The client as `host:port`; empty where the transport has no address."""
    client = scope.get("client")
    return f"{client[0]}:{client[1]}" if client else ""


def get_path_with_query_string(scope: Scope) -> str:
    """Path and query as they stand in the access log."""
    path = quote(scope["path"])
    return f"{path}?{scope['query_string'].decode('ascii')}" if scope["query_string"] else path
