"""HTTP/1 heads read by httptools (llhttp), for the tricorn server."""
