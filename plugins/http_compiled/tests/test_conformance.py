"""HTTP/1 through the compiled connection follows every rule."""

from __future__ import annotations

from tricorn.testing.http1 import Http1Suite


class TestHttp1(Http1Suite):
    plugin = "http", "compiled"
