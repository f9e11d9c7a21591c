"""The protocol classes that can be driven in memory: tricorn's connection with each codec, and uvicorn's.

Those whose names contain `-ws-` take WebSockets, the others HTTP requests, and `nothing` takes both. It is no server,
and neither is `calls`. The name of another engine may end in `+log`: its access log is on then, and goes to the null
device.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from importlib import import_module, metadata
from typing import Any

from benchmarks import floor
from benchmarks.servers import NOT_HTTP1, UVICORN_WS

Factory = Callable[[], asyncio.Protocol]
Engine = Callable[[Any], Factory]
"""Takes an application inside a running loop and gives what makes the protocol object of a connection."""


LOG = "+log"
LEGACY = "websockets"
"""The protocol class of uvicorn that reads from a transport's socket by itself, and cannot be driven in memory."""


def settings(log: bool, ws: str) -> dict[str, Any]:
    """The options of both servers: their defaults, but for lifespan, WebSockets, logs, and patience: what counts
    instructions takes a hundred times as long."""
    level = "info" if log else "warning"
    patience = {"timeout_keep_alive": 3600, "ws_ping_interval": 3600}
    return {"ws": ws, "lifespan": "off", "log_level": level, "access_log": log, **patience}


def silence(logger: str) -> None:
    """Send what a logger's handlers write to the null device."""
    for handler in logging.getLogger(logger).handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(open(os.devnull, "w"))  # noqa: SIM115 (as long as the process)


def tricorn(codec: str, log: bool = False, ws: str = "none") -> Engine:
    """tricorn's kernel and its HTTP/1 connection with a codec plugin, and one for WebSockets."""
    config_class = import_module("tricorn.config").Config
    kernel_class = import_module("tricorn.kernel").Kernel
    open_access_log = import_module("tricorn.access").open_access_log

    def engine(app: Any) -> Factory:
        config = config_class(app, http=codec, timeout_request_head=3600, **settings(log, ws))
        config.load()
        silence("tricorn.access")
        http, websocket = ([selected.provider for selected in config.selected[kind]] for kind in ("http", "ws"))
        access = open_access_log(config)
        kernel = kernel_class(config.loaded_app, config, http=http, ws=next(iter(websocket), None), state={})
        kernel.start()
        if access is not None:
            kernel.access = access.recorder(kernel.loop)
        protocol: Factory = kernel.protocol
        return protocol

    return engine


def uvicorn(parser: str, log: bool = False, ws: str = "none") -> Engine:
    """uvicorn's protocol class for a parser, and one for WebSockets."""
    module, name = {"httptools": ("httptools_impl", "HttpToolsProtocol"), "h11": ("h11_impl", "H11Protocol")}[parser]
    protocol = getattr(import_module(f"uvicorn.protocols.http.{module}"), name)
    config_class = import_module("uvicorn.config").Config
    state_class = import_module("uvicorn.server").ServerState

    def engine(app: Any) -> Factory:
        config = config_class(app, http=protocol, **settings(log, ws))
        config.load()
        silence("uvicorn.access")
        state = state_class()
        # The server renews these once per second; without them its answers would be shorter.
        state.default_headers = [(b"date", b"Mon, 01 Jan 2024 00:00:00 GMT"), *config.encoded_headers]
        return lambda: protocol(config=config, server_state=state, app_state={})

    return engine


def nothing(app: Any) -> Factory:
    """A constant writer: what the loop and the client in memory cost by themselves."""
    return lambda: floor.Floor(len(floor.HELLO))


def calls(app: Any) -> Factory:
    """The least that an ASGI server does, in Python."""
    return lambda: floor.Calls(app)


BARE = {"nothing": nothing, "calls": calls}
"""What is no server, and has no log."""


def names() -> list[str]:
    """Every engine that can be built here."""
    codecs = sorted({entry.name for entry in metadata.entry_points(group="tricorn.http")} - NOT_HTTP1)
    found = ["nothing", "calls", "uvicorn-httptools", "uvicorn-h11", *(f"tricorn-{codec}" for codec in codecs)]
    found += [f"uvicorn-ws-{ws}" for ws in UVICORN_WS if ws != LEGACY]
    return [*found, *(f"tricorn-ws-{ws}" for ws in sorted(e.name for e in metadata.entry_points(group="tricorn.ws")))]


def takes(name: str, websocket: bool, compressed: bool = False, closed: bool = False) -> bool:
    """Whether an engine can serve WebSockets, or HTTP requests. `nothing` cannot compress, nor `calls` close."""
    if name == "nothing":
        return not compressed
    if name == "calls":
        return not websocket and not closed
    return ("-ws-" in name) == websocket


def build(name: str) -> Engine:
    """The engine of that name. Raises ValueError for another one, ImportError when its library is missing."""
    plain, log = name.removesuffix(LOG), name.endswith(LOG)
    if plain not in names() or (log and plain in BARE):
        raise ValueError(f"no engine is called {name!r}; there are {', '.join(names())}")
    if name in BARE:
        return BARE[name]
    server, _, rest = plain.partition("-")
    engine = tricorn if server == "tricorn" else uvicorn
    ws = rest.removeprefix("ws-")
    return engine(rest, log) if ws == rest else engine("httptools", log, ws)
