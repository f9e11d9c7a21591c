"""What log processors and tracers read from a scope or a transport."""

from __future__ import annotations

from asyncio import BaseTransport
from urllib.parse import quote

from tricorn.api import Scope
from tricorn.outgoing import ClientDisconnected

__all__ = [
    "ClientDisconnected",
    "get_client_addr",
    "get_local_addr",
    "get_path_with_query_string",
    "get_remote_addr",
    "is_ssl",
]


def get_remote_addr(transport: BaseTransport) -> tuple[str, int] | None:
    """The client's host and port; None where the transport has no address."""
    address = transport.get_extra_info("peername")
    return (str(address[0]), int(address[1])) if isinstance(address, (tuple, list)) else None


def get_local_addr(transport: BaseTransport) -> tuple[str, int | None] | None:
    """The server's host and port, or the path of its socket and None."""
    address = transport.get_extra_info("sockname")
    if isinstance(address, (tuple, list)):
        return str(address[0]), int(address[1])
    return (address, None) if isinstance(address, str) else None


def is_ssl(transport: BaseTransport) -> bool:
    """Whether the connection is encrypted."""
    return bool(transport.get_extra_info("sslcontext"))


def get_client_addr(scope: Scope) -> str:
    """The client as `host:port`; empty where the transport has no address."""
    client = scope.get("client")
    return f"{client[0]}:{client[1]}" if client else ""


def get_path_with_query_string(scope: Scope) -> str:
    """Path and query as they stand in the access log."""
    path = quote(scope["path"])
    return f"{path}?{scope['query_string'].decode('ascii')}" if scope["query_string"] else path
