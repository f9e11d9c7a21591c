"""Socket activation by systemd for the tricorn server: serves the sockets that a socket unit has opened.

systemd passes descriptors from 3 on, says how many in LISTEN_FDS and for which process in LISTEN_PID
(sd_listen_fds(3)).
"""

from __future__ import annotations

import os
import socket
from typing import Any

from tricorn.api import ListenerProvider, hookimpl

tricorn_api = 1

FIRST = 3
"""SD_LISTEN_FDS_START"""


def open_sockets(config: Any) -> list[socket.socket]:
    """The sockets that systemd passed to this process. The descriptors themselves stay open.

    Raises OSError with one line when there are none, or one is no listening stream socket.
    """
    count, pid = os.environ.get("LISTEN_FDS", ""), os.environ.get("LISTEN_PID", "")
    if not count.isdigit() or not int(count) or pid != str(os.getpid()):
        raise OSError(
            "systemd has passed no socket to this process: start it by a socket unit, or without --listener systemd."
        )
    return [_open(descriptor) for descriptor in range(FIRST, FIRST + int(count))]


def _open(descriptor: int) -> socket.socket:
    try:
        sock = socket.socket(fileno=os.dup(descriptor))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OSError(error.errno, f"systemd passed descriptor {descriptor}, which is no socket: {reason}.") from error
    if sock.type != socket.SOCK_STREAM or not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        sock.close()
        raise OSError(f"systemd passed descriptor {descriptor}, which is no listening stream socket (ListenStream=).")
    sock.setblocking(False)
    return sock


@hookimpl
def tricorn_listener() -> ListenerProvider:
    """The plugin `systemd`."""
    return ListenerProvider(open_sockets)
