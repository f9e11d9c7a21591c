"""WebSocket frames by wsproto, for the tricorn server."""
