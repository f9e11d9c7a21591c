"""The plugins that are published with tricorn, installed or not: to say what is missing for what."""

from __future__ import annotations

from collections.abc import Mapping

PUBLISHED: Mapping[str, Mapping[str, str]] = {
    "loop": {"uvloop": "the fastest event loop"},
    "http": {
        "compiled": "the kernel's HTTP/1, compiled",
        "h11": "HTTP/1 in pure Python",
        "h2": "HTTP/2, --http2",
        "httptools": "HTTP/1, compiled",
    },
    "ws": {
        "frames": "WebSockets, the fastest codec",
        "websockets": "WebSockets by the library websockets",
        "wsproto": "WebSockets in pure Python",
    },
    "logging": {"json": "a log of JSON lines"},
    "interface": {"wsgi": "WSGI applications"},
    "listener": {"systemd": "sockets that systemd opened"},
    "supervisor": {
        "reload": "--reload and tricorn dev",
        "workers": "--workers",
    },
    "command": {"bench": "measures an application with every combination of plugins"},
    "terminal": {"rich": "tables in colour"},
    "plugin": {
        "blocked": "names what blocks the event loop",
        "cors": "a 500 that a local page can read",
        "metrics": "metrics for Prometheus",
        "refresh": "has the browser load the page again after a restart",
        "systemd": "tells systemd when the server is ready",
    },
}
"""By kind and name, with what each is for: the folders beside the kernel in a checkout."""


def installing(kind: str, name: str) -> str:
    """The command that installs a plugin of this repository."""
    return f"pip install tricorn-{kind}-{name}"
