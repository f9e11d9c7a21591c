"""The codec reads heads as the kernel expects it, and HTTP/1 through it follows every rule."""

from __future__ import annotations

from tricorn.testing.http1 import Http1CodecSuite, Http1Suite


class TestCodec(Http1CodecSuite):
    plugin = "http", "httptools"


class TestHttp1(Http1Suite):
    plugin = "http", "httptools"
