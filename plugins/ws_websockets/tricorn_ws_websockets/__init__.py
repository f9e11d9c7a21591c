"""WebSocket frames by the websockets library, for the tricorn server."""
