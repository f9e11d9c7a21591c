"""The protocol classes that can be driven in memory: tricorn's connection with each codec, and uvicorn's two."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module, metadata
from types import SimpleNamespace
from typing import Any

from benchmarks import floor
from benchmarks.servers import NOT_HTTP1

Factory = Callable[[], asyncio.Protocol]
Engine = Callable[[Any], Factory]
"""Takes an application inside a running loop and gives what makes the protocol object of a connection."""


def tricorn(codec: str) -> Engine:
    """tricorn's kernel and its HTTP/1 connection with a codec plugin."""
    (entry,) = (each for each in metadata.entry_points(group="tricorn.http") if each.name == codec)
    provider = entry.load().tricorn_http()
    kernel_class = import_module("tricorn.kernel").Kernel

    def engine(app: Any) -> Factory:
        kernel = kernel_class(app, tricorn_settings(), http=[provider], ws=None, state={}, access=None)
        kernel.start()
        protocol: Factory = kernel.protocol
        return protocol

    return engine


def tricorn_settings() -> Any:
    """What a server with default options has."""
    return SimpleNamespace(
        root_path="",
        asgi_version="3.0",
        limit_concurrency=None,
        timeout_keep_alive=5,
        timeout_request_head=60,
        timeout_request_body=60,
        timeout_write=60,
        limit_request_head=65536,
        limit_request_line=8190,
        limit_request_fields=100,
        date_header=True,
        server_header=True,
        encoded_headers=[],
    )


def uvicorn(parser: str) -> Engine:
    """uvicorn's protocol class for a parser."""
    module, name = {"httptools": ("httptools_impl", "HttpToolsProtocol"), "h11": ("h11_impl", "H11Protocol")}[parser]
    protocol = getattr(import_module(f"uvicorn.protocols.http.{module}"), name)
    config_class = import_module("uvicorn.config").Config
    state_class = import_module("uvicorn.server").ServerState

    def engine(app: Any) -> Factory:
        config = config_class(app, http=protocol, ws="none", log_level="warning", access_log=False, lifespan="off")
        config.load()
        state = state_class()
        # The server renews these once per second; without them its answers would be shorter.
        state.default_headers = [(b"date", b"Mon, 01 Jan 2024 00:00:00 GMT"), *config.encoded_headers]
        return lambda: protocol(config=config, server_state=state, app_state={})

    return engine


def nothing(app: Any) -> Factory:
    """A constant writer: what the loop and the client in memory cost by themselves."""
    return floor.Floor


def names() -> list[str]:
    """Every engine that can be built here."""
    codecs = sorted({entry.name for entry in metadata.entry_points(group="tricorn.http")} - NOT_HTTP1)
    return ["nothing", "uvicorn-httptools", "uvicorn-h11", *(f"tricorn-{codec}" for codec in codecs)]


def build(name: str) -> Engine:
    """The engine of that name. Raises ValueError for another one, ImportError when its library is missing."""
    if name not in names():
        raise ValueError(f"no engine is called {name!r}; there are {', '.join(names())}")
    if name == "nothing":
        return nothing
    server, _, rest = name.partition("-")
    return tricorn(rest) if server == "tricorn" else uvicorn(rest)
