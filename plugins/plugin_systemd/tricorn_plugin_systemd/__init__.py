"""Tells systemd that the tricorn server is ready, stops, and still turns its event loop (sd_notify(3)).

A message is one datagram to the socket that the variable NOTIFY_SOCKET names. Without the variable there is no systemd
to tell anything, and the plugin does nothing.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import socket
from typing import Any
from weakref import WeakKeyDictionary

from tricorn.api import hookimpl

tricorn_api = 1

logger = logging.getLogger("tricorn.error")

_alive: WeakKeyDictionary[Any, asyncio.TimerHandle] = WeakKeyDictionary()
"""The next sign of life of each running server."""


def notify(*assignments: str) -> None:
    """Send one message. What cannot be sent is told in the log: systemd may be about to give the service up."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]  # a name in the abstract namespace (unix(7))
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.connect(address)
            sock.sendall("\n".join(assignments).encode())
    except OSError as error:
        logger.warning("systemd cannot be told %s: %s", assignments[0], error.strerror or error)


def watchdog_interval() -> float | None:
    """Seconds between two signs of life: half of what systemd allows; None where it expects none from here.

    WATCHDOG_PID names the service's main process, which in a server with workers is their parent.
    """
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    meant = os.environ.get("WATCHDOG_PID")
    if not microseconds.isdigit() or (meant and int(meant) not in (os.getpid(), os.getppid())):
        return None
    return int(microseconds) / 2_000_000


@hookimpl
def tricorn_started(kernel: Any) -> None:
    """The server accepts connections."""
    notify("READY=1", f"STATUS=Serving in process {os.getpid()}")
    interval = watchdog_interval()
    if interval is not None:
        _stay_alive(kernel, asyncio.get_running_loop(), interval)


def _stay_alive(kernel: Any, loop: asyncio.AbstractEventLoop, interval: float) -> None:
    notify("WATCHDOG=1")
    _alive[kernel] = loop.call_later(interval, _stay_alive, kernel, loop, interval)


@hookimpl
def tricorn_stopping(kernel: Any) -> None:
    """The server accepts no more. The signs of life go on: requests are still being answered."""
    # A worker that is replaced says nothing about the service.
    if multiprocessing.parent_process() is None:
        notify("STOPPING=1")
