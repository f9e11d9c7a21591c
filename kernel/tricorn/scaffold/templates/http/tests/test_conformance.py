"""The plugin passes the suites of HTTP/1 codecs and of the server around them."""

from __future__ import annotations

from tricorn.testing.http1 import Http1CodecSuite, Http1Suite


class TestCodec(Http1CodecSuite):
    plugin = "http", "example"


class TestServing(Http1Suite):
    plugin = "http", "example"
