"""HTTP/1 heads read by httptools, the binding of Node's llhttp: the fastest codec tricorn has."""

from __future__ import annotations

from tricorn.api import Headers, Http1Codec, HttpProvider, Unavailable, hookimpl

try:
    import httptools
except ImportError as error:  # no wheel for this platform and no compiler
    raise Unavailable(f"httptools cannot be imported: {error}") from None

tricorn_api = 1


class HttptoolsCodec:
    """An `Http1Codec`. One parser reads all heads of a codec; httptools calls back as it reads."""

    __slots__ = ("_feed", "_headers", "_method", "_target")

    def __init__(self) -> None:
        self._headers: Headers = []
        self._target = b""
        # httptools looks its callbacks up once, in its constructor.
        parser = httptools.HttpRequestParser(self)
        self._feed = parser.feed_data
        self._method = parser.get_method

    def read_head(self, head: bytes) -> tuple[bytes, bytes, Headers]:
        """Split one complete head (`tricorn.api.Http1Codec`)."""
        headers: Headers = []
        self._headers = headers
        try:
            self._feed(head)
        except httptools.HttpParserUpgrade:
            pass  # llhttp stops behind the head of an upgrade: nothing more was wanted
        except httptools.HttpParserError as error:
            raise ValueError(str(error)) from None
        return self._method(), self._target, headers

    def on_url(self, target: bytes) -> None:
        """Called by httptools."""
        self._target = target

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by httptools for each field."""
        self._headers.append((name.lower(), value.rstrip(b" \t")))


_: type[Http1Codec] = HttptoolsCodec


@hookimpl
def tricorn_http() -> HttpProvider:
    """The codec, for the kernel's HTTP/1 connection."""
    return HttpProvider(codec=HttptoolsCodec)
