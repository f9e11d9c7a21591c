"""The tables of uvicorn's `config`: what its options may say, for programs that offer the same choice to their users.

tricorn itself asks the registry, which knows the plugins of others too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

HTTP_PROTOCOLS: Mapping[str, str] = {
    "auto": "tricorn.protocols.http.auto:AutoHTTPProtocol",
    "h11": "tricorn.protocols.http.h11_impl:H11Protocol",
    "httptools": "tricorn.protocols.http.httptools_impl:HttpToolsProtocol",
}
WS_PROTOCOLS: Mapping[str, str | None] = {
    "auto": "tricorn.protocols.websockets.auto:AutoWebSocketsProtocol",
    "none": None,
    "websockets": "tricorn.protocols.websockets.websockets_impl:WebSocketProtocol",
    "websockets-sansio": "tricorn.protocols.websockets.websockets_sansio_impl:WebSocketsSansIOProtocol",
    "wsproto": "tricorn.protocols.websockets.wsproto_impl:WSProtocol",
}
LIFESPAN: Mapping[str, str] = {
    "auto": "tricorn.lifespan.auto:LifespanAuto",
    "on": "tricorn.lifespan.on:LifespanOn",
    "off": "tricorn.lifespan.off:LifespanOff",
}
LOOP_FACTORIES: Mapping[str, str | None] = {
    "none": None,
    "auto": "tricorn.loops.auto:auto_loop_factory",
    "asyncio": "tricorn.loops.asyncio:asyncio_loop_factory",
    "uvloop": "tricorn.loops.uvloop:uvloop_loop_factory",
}
INTERFACES: Sequence[str] = ["auto", "asgi3", "asgi2", "wsgi"]

HTTPProtocolType: TypeAlias = Literal["auto", "h11", "httptools"]
WSProtocolType: TypeAlias = Literal["auto", "none", "websockets", "websockets-sansio", "wsproto"]
LifespanType: TypeAlias = Literal["auto", "on", "off"]
LoopFactoryType: TypeAlias = Literal["none", "auto", "asyncio", "uvloop"]
InterfaceType: TypeAlias = Literal["auto", "asgi3", "asgi2", "wsgi"]
