"""The lines that tell where a server is to be found and what it is made of."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from typing import Any

import tricorn

logger = logging.getLogger("tricorn.error")

_ENDING = " (Press CTRL+C to quit)"


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


def log_process(message: str, number: int) -> None:
    """Log one of uvicorn's lines about a process; its number stands in colour."""
    logger.info(message, number, extra={"color_message": message.replace("%d", "\033[36m%d\033[0m")})


def _inside_container() -> bool:
    return os.path.exists("/.dockerenv") or os.path.exists("/run/.containerenv")


def _loopback(host: str) -> bool:
    return host == "::1" or host.startswith("127.")
