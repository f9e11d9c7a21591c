"""uvicorn's HTTP protocol classes: each stands for the plugin that reads HTTP with the same library."""

from __future__ import annotations

from tricorn.protocols.stand_ins import stand_in

__all__ = ["AutoHTTPProtocol", "H11Protocol", "HttpToolsProtocol"]

H11Protocol = stand_in("http", "H11Protocol")
HttpToolsProtocol = stand_in("http", "HttpToolsProtocol")
AutoHTTPProtocol = stand_in("http", "AutoHTTPProtocol")
