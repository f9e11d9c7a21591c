"""The plugin `tcp`: every address of `host`, on `port`."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from tricorn.api import ListenerProvider, hookimpl
from tricorn.listeners.holder import describe_holder

tricorn_api = 1

WSAEACCES = 10013
"""What Windows says of a port that may not be had. Python takes it for EACCES, which means something else elsewhere."""


def open_sockets(config: Any) -> list[socket.socket]:
    """Bind one socket per address of the host; with port 0 all take the one that the first was given.

    Raises OSError with one line that says which address cannot be had, and why.
    """
    host, port = config.host or None, config.port
    if not 0 <= port <= 65535:
        raise OSError(f"Cannot listen on port {port}: a port is a number from 0 to 65535.")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise OSError(f"Cannot listen on {host}: {error.strerror}.") from error
    sockets: list[socket.socket] = []
    absent: OSError | None = None
    try:
        for family, address in dict.fromkeys((info[0], info[4]) for info in found):
            wanted = (address[0], sockets[0].getsockname()[1], *address[2:]) if sockets else address
            try:
                sockets.append(_bind(family, wanted))
            except OSError as error:
                # A name often has an IPv6 address on a machine without IPv6; the other addresses will do.
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise _explained(error, str(wanted[0]), int(wanted[1])) from error
                absent = _explained(error, str(wanted[0]), int(wanted[1]))
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    if not sockets:
        raise absent or OSError(f"Cannot listen on {host}: it has no address.")
    return sockets


def _bind(family: int, address: Any) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            # Elsewhere this option would let two servers share a port. Here it skips the wait after a restart.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setblocking(False)
        sock.bind(address)
    except BaseException:
        sock.close()
        raise
    return sock


def _explained(error: OSError, host: str, port: int) -> OSError:
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    reason = (error.strerror or str(error)).lower()
    hint = ""
    if getattr(error, "winerror", None) == WSAEACCES:
        hint = (
            " Another program holds it for itself, or Windows keeps it back (netsh interface ipv4 show "
            f"excludedportrange protocol=tcp). Try --port {port + 1}, or --port 0 for any free one."
        )
    elif error.errno == errno.EADDRINUSE:
        holder = describe_holder(port)
        hint = f" It is taken by {holder}." if holder else ""
        hint += f" Try --port {port + 1}, or --port 0 for any free one."
    elif error.errno == errno.EACCES:
        hint = " Ports below 1024 may need rights that this user does not have."
    return OSError(error.errno, f"Cannot listen on {where}: {reason}.{hint}")


@hookimpl
def tricorn_listener() -> ListenerProvider:
    """The plugin `tcp`."""
    return ListenerProvider(open_sockets)
