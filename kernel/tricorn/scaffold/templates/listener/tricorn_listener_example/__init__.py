"""A listener: several addresses, each given with its port."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from tricorn.api import ListenerProvider, Option, hookimpl

tricorn_api = 1


@hookimpl
def tricorn_options() -> Sequence[Option]:
    """`--example-address`, the variable TRICORN_EXAMPLE_ADDRESS, and a keyword of `run()` and `Config`."""
    text = "Listen on this address; may be given several times."
    return [Option("example_address", text, multiple=True, metavar="HOST:PORT", parse=parse)]


def parse(text: str) -> tuple[str, int]:
    """Host and port. Raises ValueError, whose text the user is shown."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit():
        raise ValueError(f"{text!r} is no address: write HOST:PORT.")
    return host.strip("[]"), int(port)


def open_sockets(config: Any) -> list[socket.socket]:
    """Bind a socket for each address. Raises OSError with one line that says what is wrong."""
    sockets: list[socket.socket] = []
    if not config.example_address:
        raise OSError("No address to listen on: give --example-address HOST:PORT.")
    try:
        for host, port in config.example_address:
            sockets.append(bind(host, port))
    except OSError:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def bind(host: str, port: int) -> socket.socket:
    """A bound socket, which does not listen yet: the server does that when it is ready."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        reason = (error.strerror or str(error)).lower()
        raise OSError(error.errno, f"Cannot listen on {host}:{port}: {reason}.") from error
    return sock


@hookimpl
def tricorn_listener() -> ListenerProvider:
    """What opens the sockets. A listener that leaves something behind has a second function, which removes it."""
    return ListenerProvider(open_sockets)
