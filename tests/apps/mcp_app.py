"""The MCP SDK: a tool over streamable HTTP, whose answers and notifications are server-sent events."""

from __future__ import annotations

from mcp.server import MCPServer

server = MCPServer("tricorn")


@server.tool()
def add(first: int, second: int) -> int:
    """The sum of two numbers."""
    return first + second


app = server.streamable_http_app()
