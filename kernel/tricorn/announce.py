"""The lines that tell where a server is to be found and what it is made of."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from typing import Any

import tricorn

logger = logging.getLogger("tricorn.error")

_ENDING = " (Press CTRL+C to quit)"

_WILDCARDS = {"0.0.0.0": ("127.0.0.1", "192.0.2.1"), "::": ("::1", "2001:db8::1")}
"""What stands for every address of this machine, that which it calls itself by, and one of somebody else: documentation
has it for itself (RFC 5737, RFC 3849), so nobody is there."""


def log_address(config: Any, sockets: list[socket.socket]) -> None:
    """Say where the server is to be found, in the words that programs wait for.

    A program that serves itself knows who can reach it; to others a server in a container says that nobody can.
    """
    if config.fd is not None:
        logger.info(f"Tricorn running on socket %s{_ENDING}", sockets[0].getsockname())
    elif config.uds is not None:
        logger.info(f"Tricorn running on unix socket %s{_ENDING}", config.uds)
    else:
        host = config.host or "0.0.0.0"
        address = "%s://[%s]:%d" if ":" in host else "%s://%s:%d"
        logger.info(
            f"Tricorn running on {address}{_ENDING}",
            "https" if config.is_ssl else "http",
            host,
            sockets[0].getsockname()[1],
            extra={"color_message": f"Tricorn running on \033[1m{address}\033[0m{_ENDING}"},
        )
        if config.dedicated and _inside_container() and _loopback(sockets[0].getsockname()[0]):
            logger.info("Only reachable inside this container. Use --host 0.0.0.0 to be reached from outside.")
        urls = [url for sock in sockets for url in urls_of_every_interface(sock.getsockname(), config.is_ssl)]
        if urls:
            logger.info("It listens on every interface of this machine: open %s", " or ".join(urls))


def urls_of_every_interface(address: Any, secure: bool) -> list[str]:
    """Where a browser finds a server that is bound to no address in particular, here first; none for any other."""
    loopback, elsewhere = _WILDCARDS.get(address[0], ("", ""))
    if not loopback:
        return []
    hosts = [loopback, _own_address(elsewhere)]
    return [url_of((host, address[1]), secure) for host in dict.fromkeys(hosts) if host]


def url_of(address: Any, secure: bool) -> str:
    """The URL of the root at a socket's address, without a slash at the end."""
    if not isinstance(address, tuple):
        return f"unix:{address}"
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"{'https' if secure else 'http'}://{host}:{address[1]}"


def log_selection(config: Any) -> None:
    """Say which plugins serve, with their versions. Called inside the serving loop, which tells its own kind."""
    loop = type(asyncio.get_running_loop()).__module__.partition(".")[0]
    chosen = [f"{kind} {' + '.join(map(str, config.selected[kind])) or 'none'}" for kind in ("http", "ws")]
    chosen.append(f"loop {next((str(p) for p in config.selected.get('loop', ()) if p.name == loop), loop)}")
    chosen += [f"plugin {plugin}" for plugin in config.selected["plugin"]]
    name = f"tricorn {tricorn.__version__}" + (" (as uvicorn)" if tricorn.as_uvicorn else "")
    logger.info("Using %s, %s", name, ", ".join(chosen))


def log_duplicates() -> None:
    """Say so where a console gets the lines of a logger more than once, which nobody wants."""
    for name in ("tricorn.error", "tricorn.access"):
        owners = writing_to_the_console(name)
        if len(owners) > 1:
            logger.warning(
                "Lines of the log appear %d times: the logger %s propagates to a handler of %s. Set its propagate to "
                "false, or take away one of the handlers.",
                len(owners), *owners[:2],
            )  # fmt: skip
            return


def writing_to_the_console(name: str) -> list[str]:
    """Whose handlers write the records of a logger to the standard streams: its own, and those of its ancestors."""
    owners = []
    at: logging.Logger | None = logging.getLogger(name)
    while at is not None:
        for handler in at.handlers:
            stream = getattr(handler, "stream", None)
            if stream is not None and stream in (sys.stdout, sys.stderr):
                owners.append("the root logger" if at.name == "root" else repr(at.name))
        at = at.parent if at.propagate else None
    return owners


def log_process(message: str, number: int) -> None:
    """Log one of uvicorn's lines about a process; its number stands in colour."""
    logger.info(message, number, extra={"color_message": message.replace("%d", "\033[36m%d\033[0m")})


def _inside_container() -> bool:
    return os.path.exists("/.dockerenv") or os.path.exists("/run/.containerenv")


def _own_address(elsewhere: str) -> str:
    """From which of its addresses this machine would speak to another one; empty without a way there.

    Connecting a datagram socket asks the system for a route and sends nothing.
    """
    family = socket.AF_INET6 if ":" in elsewhere else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((elsewhere, 9))
            return str(sock.getsockname()[0])
    except OSError:
        return ""


def _loopback(host: str) -> bool:
    return host == "::1" or host.startswith("127.")
