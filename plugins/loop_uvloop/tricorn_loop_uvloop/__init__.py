"""The uvloop event loop for the tricorn server."""
