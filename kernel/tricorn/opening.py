"""The door by which every request enters: what it opens is an application call, or it is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tricorn.api import Head, Headers, Receiver, Refusal, Stream
from tricorn.exchange import Exchange
from tricorn.log_formats import escape
from tricorn.scope import http_scope
from tricorn.session import Session

if TYPE_CHECKING:
    from tricorn.kernel import Kernel

_RETRY = ((b"retry-after", b"1"),)


def open_request(kernel: Kernel, stream: Stream, head: Head) -> Receiver:
    """Open a request: `tricorn.api.Kernel.open`, of which this is the method."""
    limit = kernel.limit_concurrency
    if limit is not None and (len(kernel.connections) >= limit or len(kernel.calls) >= limit):
        kernel.log.warning("Exceeded concurrency limit.")
        if kernel.access_refused is not None:
            target = escape(head.target.decode("latin-1"))
            kernel.access_refused(stream.peer, head.method, target, head.version, 503)
        raise Refusal(503, "over the concurrency limit", _RETRY)
    if kernel.limit_body and not head.complete:
        _check_announced(head.headers, kernel.limit_body)
    if head.protocol is not None:
        if kernel.ws is not None:
            return Session(kernel, stream, head)
        kernel.upgrades.warn(head.protocol)
    return Exchange(kernel, stream, head, http_scope(kernel.settings, kernel.state, stream, head, kernel.root_path))


def _check_announced(headers: Headers, limit: int) -> None:
    """Raise Refusal(413) for a Content-Length over the limit."""
    for name, value in headers:
        if name == b"content-length" and int(value) > limit:
            raise Refusal(413, f"a request body of {int(value)} bytes, over the {limit} of --limit-request-body")
