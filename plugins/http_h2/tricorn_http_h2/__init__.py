"""HTTP/2 for tricorn: whole connections, chosen by ALPN or by the preface of a clear-text connection."""

from __future__ import annotations

from collections.abc import Sequence

from tricorn.api import HttpProvider, Option, Unavailable, hookimpl

try:
    from tricorn_http_h2.connection import Http2Connection
    from tricorn_http_h2.upgrade import upgrade
except ImportError as error:
    raise Unavailable(f"hpack cannot be imported: {error}") from None
from tricorn_http_h2.frames import DEFAULT_WINDOW, LARGEST_WINDOW, PREFACE

tricorn_api = 1


def _window(text: str) -> int:
    """A window in bytes. Raises ValueError for one that no client may be given."""
    size = int(text)
    if not DEFAULT_WINDOW <= size <= LARGEST_WINDOW:
        raise ValueError(f"{size} is not between {DEFAULT_WINDOW} and {LARGEST_WINDOW}")
    return size


@hookimpl
def tricorn_http() -> HttpProvider:
    """The connection."""
    return HttpProvider(connection=Http2Connection, alpn=("h2",), preface=PREFACE, upgrade=upgrade)


@hookimpl
def tricorn_options() -> Sequence[Option]:
    """Windows and limits; each holds for one connection."""
    return (
        Option("h2_max_streams", "HTTP/2: requests that a connection may have open at once.", int, 100),
        Option("h2_stream_window", "HTTP/2: bytes that a client may be ahead of an application that keeps up.",
               int, 262144, parse=_window),
        Option("h2_connection_window", "HTTP/2: bytes that may be on their way on all requests of a connection.", int,
               1048576, parse=_window),
        Option("h2_limit_resets", "HTTP/2: requests reset or refused, at once and in any ten seconds, after which a "
               "connection ends.", int, 200),
        Option("h2_limit_control", "HTTP/2: frames without progress (settings, pings, empty data), at once and in any "
               "ten seconds, after which a connection ends.", int, 1000),
        Option("h2_upgrade", "HTTP/2: take the upgrade from HTTP/1.1 in clear text (h2c), which RFC 9113 has removed.",
               bool, False, switch="single"),
    )  # fmt: skip
