"""HTTP/1 heads read by httptools, the binding of Node's llhttp: the fastest codec tricorn has."""

from __future__ import annotations

from tricorn.api import Headers, Http1Codec, HttpProvider, Unavailable, hookimpl

try:
    import httptools
except ImportError as error:  # no wheel for this platform and no compiler
    raise Unavailable(f"httptools cannot be imported: {error}") from None

tricorn_api = 1


class HttptoolsCodec:
    """An `Http1Codec`. The parser lives as long as each message ends with its head; a body would leave it waiting, and
    then the next head gets a new parser, which costs less than passing the body through it."""

    __slots__ = ("_between", "_feed", "_headers", "_parser", "_target")

    def __init__(self) -> None:
        self._headers: Headers = []
        self._target = b""
        self._renew()

    def _renew(self) -> None:
        # httptools looks its callbacks up once, in its constructor.
        self._parser = httptools.HttpRequestParser(self)
        self._feed = self._parser.feed_data
        self._between = True

    def read_head(self, head: bytes) -> tuple[bytes, bytes, Headers]:
        """Split one complete head (`tricorn.api.Http1Codec`)."""
        if not self._between:
            self._renew()
        self._between = False
        self._headers = headers = []
        try:
            self._feed(head)
        except httptools.HttpParserUpgrade:
            self._between = False  # llhttp stops here for good; only what it has read so far is wanted
        except httptools.HttpParserError as error:
            raise ValueError(str(error)) from None
        return self._parser.get_method(), self._target, headers

    def on_url(self, target: bytes) -> None:
        """Called by httptools."""
        self._target = target

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by httptools for each field."""
        self._headers.append((name.lower(), value))

    def on_message_complete(self) -> None:
        """Called by httptools at the end of a message without a body."""
        self._between = True


_: type[Http1Codec] = HttptoolsCodec


@hookimpl
def tricorn_http() -> HttpProvider:
    """The codec, for the kernel's HTTP/1 connection."""
    return HttpProvider(codec=HttptoolsCodec)
