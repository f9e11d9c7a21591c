"""Prometheus metrics of the tricorn server, answered by the server itself at a path of its own.

No metric has the path of a request as a label: whoever asks for a million paths would make a million time series.
With several workers every one answers for all, when PROMETHEUS_MULTIPROC_DIR names a directory that they share.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from tricorn.api import ASGIApp, Option, Receive, Scope, Send, Unavailable, hookimpl

try:
    from prometheus_client import (
        CONTENT_TYPE_LATEST,
        REGISTRY,
        CollectorRegistry,
        Counter,
        Gauge,
        Histogram,
        generate_latest,
        multiprocess,
    )
except ImportError as error:
    raise Unavailable(f"prometheus-client cannot be imported: {error}") from None

# The library opens a file in it for the first metric; what it says of a missing directory nobody would understand.
SHARED = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
if SHARED and not os.path.isdir(SHARED):
    raise Unavailable(f"PROMETHEUS_MULTIPROC_DIR names {SHARED}, which is no directory: make an empty one")

tricorn_api = 1

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"})
"""Clients may send any token as a method; the rest count as `other`."""

INTERVAL = 1.0
"""Seconds between two looks at what is measured by looking."""

REQUESTS = Counter("tricorn_requests", "Responses that have been begun.", ["method", "status"])
DURATION = Histogram(
    "tricorn_request_duration_seconds", "Time from the call of the application to its end.", ["method"]
)
ACTIVE = Gauge("tricorn_requests_in_progress", "Application calls that run.", multiprocess_mode="livesum")
CONNECTIONS = Gauge("tricorn_connections", "Connections that are open.", multiprocess_mode="livesum")
LAG = Gauge(
    "tricorn_event_loop_lag_seconds", "How late the event loop was at the last look.", multiprocess_mode="livemax"
)


class Observer:
    """Counts what the kernel tells (`tricorn.api.Observer`)."""

    def __init__(self) -> None:
        # By the identity of the scope: when the call started, and the status of its response.
        self._calls: dict[int, tuple[float, int]] = {}

    def request(self, scope: Scope) -> None:
        """An application call starts."""
        ACTIVE.inc()
        self._calls[id(scope)] = time.perf_counter(), 0

    def response(self, scope: Scope, status: int) -> None:
        """The response begins."""
        self._calls[id(scope)] = self._calls[id(scope)][0], status

    def finished(self, scope: Scope) -> None:
        """The application call has ended; without a response, the server has answered 500."""
        ACTIVE.dec()
        started, status = self._calls.pop(id(scope))
        method = _method(scope)
        REQUESTS.labels(method, status or 500).inc()
        DURATION.labels(method).observe(time.perf_counter() - started)


def _method(scope: Scope) -> str:
    if scope["type"] == "websocket":
        return "websocket"
    return scope["method"] if scope["method"] in METHODS else "other"


def page() -> bytes:
    """All metrics of the process, or of all workers, in the text format of Prometheus."""
    if SHARED:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
    return generate_latest(REGISTRY)


@hookimpl
def tricorn_options() -> Sequence[Option]:
    """Where the page is."""
    return [Option("metrics_path", "The path at which Prometheus metrics are answered.", default="/metrics")]


@hookimpl
def tricorn_observer(settings: Any) -> Observer:
    """The plugin `metrics`."""
    return Observer()


@hookimpl
def tricorn_app(app: ASGIApp, settings: Any) -> ASGIApp:
    """Answer the path of the metrics; all else is the application's."""
    path = settings.root_path + settings.metrics_path

    async def with_metrics(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != path:
            await app(scope, receive, send)
            return
        headers = [(b"content-type", CONTENT_TYPE_LATEST.encode()), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": page()})

    return with_metrics


_looks: WeakKeyDictionary[Any, asyncio.TimerHandle] = WeakKeyDictionary()
"""The next look at each running server."""


@hookimpl
def tricorn_started(kernel: Any) -> None:
    """The server accepts connections."""
    _look(kernel, asyncio.get_running_loop(), 0.0)


def _look(kernel: Any, loop: asyncio.AbstractEventLoop, due: float) -> None:
    now = loop.time()
    LAG.set(max(0.0, now - due) if due else 0.0)
    CONNECTIONS.set(len(kernel.connections))
    _looks[kernel] = loop.call_at(now + INTERVAL, _look, kernel, loop, now + INTERVAL)


@hookimpl
def tricorn_stopping(kernel: Any) -> None:
    """The server accepts no more."""
    _looks.pop(kernel).cancel()
    CONNECTIONS.set(0)
    if SHARED:
        multiprocess.mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]
