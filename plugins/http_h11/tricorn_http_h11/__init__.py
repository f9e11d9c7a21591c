"""HTTP/1 heads read by h11, for the tricorn server."""
