"""HTTP/2 means what every version of HTTP means."""

from __future__ import annotations

from tricorn.testing.http import HttpSuite
from tricorn_http_h2.testing import Http2Client


class TestHttp2(HttpSuite):
    plugin = "http", "h2"
    client = Http2Client
    multiplexed = True
