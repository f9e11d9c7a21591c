"""HTTP/2 means what every version of HTTP means."""

from __future__ import annotations

from plugins.http_h2.tests.peer import Http2Client
from tricorn.testing.http import HttpSuite


class TestHttp2(HttpSuite):
    plugin = "http", "h2"
    client = Http2Client
    multiplexed = True
