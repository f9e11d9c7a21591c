"""The ASGI scopes of HTTP requests and WebSockets, and what of them goes in log lines."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tricorn.api import Head, Headers, Scope, Stream
from tricorn.log_formats import escape
from tricorn.target import known_target, split_target


def http_scope(settings: Any, state: dict[str, Any], stream: Stream, head: Head, path_prefix: str) -> Scope:
    """The scope of one request (ASGI HTTP specification 2.3). Raises Refusal for an invalid target.

    path_prefix: `root_path`, which uvicorn's users expect in front of both paths.
    """
    path, raw_path, query, authority = known_target(head.target) or split_target(head.method, head.target)
    if path_prefix:
        path = path_prefix + path
        raw_path = path_prefix.encode("ascii", "replace") + raw_path
    scope: Scope = {
        "type": "http",
        "asgi": {"version": settings.asgi_version, "spec_version": "2.3"},
        "http_version": head.version,
        "server": stream.server,
        "client": stream.client,
        "scheme": "https" if stream.secure else "http",
        "method": head.method,
        "root_path": path_prefix,
        "path": path,
        "raw_path": raw_path,
        "query_string": query,
        "headers": head.headers if authority is None else with_host(head.headers, authority),
        "state": state.copy(),
    }
    if stream.multiplexed:
        scope["extensions"] = {"http.response.early_hint": {}, "http.response.trailers": {}}
    if head.proxied and settings.proxies is not None:
        settings.proxies.apply(scope)
    return scope


def websocket_scope(
    settings: Any, state: dict[str, Any], stream: Stream, head: Head, path_prefix: str, subprotocols: list[str]
) -> Scope:
    """The scope of one WebSocket (ASGI WebSocket specification 2.4). Raises Refusal for an invalid target."""
    scope = http_scope(settings, state, stream, head, path_prefix)
    del scope["method"]
    scope["type"] = "websocket"
    scope["asgi"]["spec_version"] = "2.4"
    scope["scheme"] = "wss" if scope["scheme"] in ("https", "wss") else "ws"
    scope["subprotocols"] = subprotocols
    scope["extensions"] = {"websocket.http.response": {}}
    return scope


def with_host(headers: Headers, authority: bytes) -> Headers:
    """The authority of an absolute target replaces Host (RFC 9112 section 3.2.2), or stands in for a missing one."""
    replaced = [(name, authority if name == b"host" else value) for name, value in headers]
    return replaced if any(name == b"host" for name, _ in headers) else [(b"host", authority), *headers]


def client_name(scope: Scope, stream: Stream) -> str:
    """The client for log lines: the peer, unless a proxy that is trusted spoke for somebody else, in whatever words."""
    client = scope["client"]
    return stream.peer if client is stream.client else escape(f"{client[0]}:{client[1]}")


log_paths: dict[bytes, str] = {}
"""What `log_path` made of some raw paths, without a query string."""


def log_path(scope: Scope) -> str:
    """The path of an access line: the decoded path quoted again, and the query string, as uvicorn prints them.

    Nothing in it breaks a line or ends a quotation, whatever the client sent or the application made of the scope.
    """
    raw = scope["raw_path"]
    path = log_paths.get(raw)
    if path is None:
        path = quote(scope["path"])
        if len(log_paths) >= 1024:
            log_paths.clear()
        if len(raw) <= 256:
            log_paths[raw] = path
    query = scope["query_string"]
    return f"{path}?{escape(query.decode('ascii', 'backslashreplace'))}" if query else path
