"""The protocol classes that can be driven in memory: tricorn's connection with each codec, and uvicorn's two."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module, metadata
from typing import Any

from benchmarks import floor
from benchmarks.servers import NOT_HTTP1

Factory = Callable[[], asyncio.Protocol]
Engine = Callable[[Any], Factory]
"""Takes an application inside a running loop and gives what makes the protocol object of a connection."""


def tricorn(codec: str) -> Engine:
    """tricorn's kernel and its HTTP/1 connection with a codec plugin, all options at their defaults but the logs."""
    config_class = import_module("tricorn.config").Config
    kernel_class = import_module("tricorn.kernel").Kernel

    def engine(app: Any) -> Factory:
        config = config_class(app, http=codec, ws="none", log_level="warning", access_log=False, lifespan="off")
        config.load()
        providers = [selected.provider for selected in config.selected["http"]]
        kernel = kernel_class(config.loaded_app, config, http=providers, ws=None, state={}, access=None)
        kernel.start()
        protocol: Factory = kernel.protocol
        return protocol

    return engine


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
