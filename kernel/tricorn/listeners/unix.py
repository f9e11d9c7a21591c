"""The plugin `unix`: a UNIX domain socket at the path `uds`."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from typing import Any

from tricorn.api import ListenerProvider, hookimpl

tricorn_api = 1

_ours: dict[str, tuple[int, int]] = {}
"""Device and inode of the files that this process made: only those are removed."""


def open_sockets(config: Any) -> list[socket.socket]:
    """Bind the socket. A file that is left from a server which has ended is replaced; its permissions are kept.

    Raises OSError with one line when the path cannot be had or another server listens there.
    """
    path = os.fspath(config.uds)
    mode = 0o666
    try:
        status = os.stat(path)
    except FileNotFoundError:
        pass
    else:
        if not stat.S_ISSOCK(status.st_mode):
            raise OSError(errno.EEXIST, f"Cannot listen on {path}: it exists and is not a socket.")
        if _alive(path):
            raise OSError(errno.EADDRINUSE, f"Cannot listen on {path}: another server listens there.")
        mode = stat.S_IMODE(status.st_mode)
        os.remove(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.bind(path)
        os.chmod(path, mode)
    except OSError as error:
        sock.close()
        reason = error.strerror or str(error)
        raise OSError(error.errno, f"Cannot listen on {path}: {reason.lower()}.") from error
    made = os.stat(path)
    _ours[path] = made.st_dev, made.st_ino
    return [sock]


def _alive(path: str) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return False
        return True


def remove(config: Any) -> None:
    """Remove the file, unless another server has put its own there."""
    path = os.fspath(config.uds)
    made = _ours.pop(path, None)
    with contextlib.suppress(FileNotFoundError):
        status = os.stat(path)
        if made == (status.st_dev, status.st_ino):
            os.remove(path)


@hookimpl
def tricorn_listener() -> ListenerProvider:
    """The plugin `unix`."""
    return ListenerProvider(open_sockets, remove)
