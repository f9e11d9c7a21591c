"""tricorn: an ASGI server in which every part is a plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tricorn.config import Config
    from tricorn.main import main, run
    from tricorn.server import Server
    from tricorn.shim import install_as_uvicorn
    from tricorn.threads import serve_in_thread

__version__ = "0.1.0"
as_uvicorn = False
"""Whether programs that import uvicorn get tricorn (`install_as_uvicorn`)."""
__all__ = ["Config", "Server", "__version__", "install_as_uvicorn", "main", "run", "serve_in_thread"]

_HOMES = {
    "Config": "tricorn.config",
    "Server": "tricorn.server",
    "install_as_uvicorn": "tricorn.shim",
    "run": "tricorn.main",
    "serve_in_thread": "tricorn.threads",
}


def __getattr__(name: str) -> Any:
    # Importing a plugin imports this package: the server comes in only for those who ask for it.
    from importlib import import_module

    if name == "main":
        return import_module("tricorn.main")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
