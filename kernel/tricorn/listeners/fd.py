"""The plugin `fd`: a listening socket that the parent process has opened."""

from __future__ import annotations

import os
import socket
from typing import Any

from tricorn.api import ListenerProvider, hookimpl

tricorn_api = 1


def open_sockets(config: Any) -> list[socket.socket]:
    """The socket behind the descriptor, whose family the system tells. The descriptor itself stays open.

    Raises OSError with one line when the descriptor is none, or not a stream socket.
    """
    try:
        sock = socket.socket(fileno=os.dup(config.fd))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OSError(error.errno, f"Cannot listen on file descriptor {config.fd}: {reason}.") from error
    if sock.type != socket.SOCK_STREAM:
        sock.close()
        raise OSError(f"Cannot listen on file descriptor {config.fd}: it is not a stream socket.")
    sock.setblocking(False)
    return [sock]


@hookimpl
def tricorn_listener() -> ListenerProvider:
    """The plugin `fd`."""
    return ListenerProvider(open_sockets)
