"""Every server under measurement: how it is started, what it can do, and whom it is compared with."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatch
from importlib import metadata, util
from typing import TYPE_CHECKING

from benchmarks.process import PYTHON, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

HTTP, HTTP2, WS, DEFLATE, TLS, WORKERS, ACCESS_LOG = "http", "http2", "ws", "deflate", "tls", "workers", "access-log"

LOOPS = ("uvloop", "asyncio")
UVICORN_PARSERS = ("httptools", "h11")
UVICORN_WS = ("websockets-sansio", "websockets", "wsproto")
NOT_HTTP1 = frozenset({"h2", "h3"})
"""HTTP plugins of tricorn that the HTTP/1 workloads cannot speak to."""


@dataclass(frozen=True)
class Launch:
    """What one start of a server needs to know.

    app: `module:attribute`. certificate: (file, key file). answer: bytes of the body that the application sends.
    """

    app: str
    port: int
    log_path: Path
    access_log: bool = False
    certificate: tuple[Path, Path] | None = None
    workers: int = 1
    http2: bool = False
    answer: int = 0


@dataclass(frozen=True)
class Server:
    """A server in one configuration.

    command: its command line. requires: distributions that must be installed. abilities: which workloads it is
    offered. baselines: whom it is compared with, the most comparable first. probes: abilities that a run of the
    server's `--help` decides, with the flag to look for.
    """

    name: str
    command: Callable[[Launch], list[str]]
    requires: tuple[str, ...]
    abilities: frozenset[str]
    baselines: tuple[str, ...] = ()
    probes: dict[str, str] = field(default_factory=dict)

    def missing(self) -> list[str]:
        """The distributions that this server needs and that are not installed."""
        return [name for name in self.requires if not installed(name)]

    def able(self, needs: Iterable[str]) -> bool:
        """Whether the server can take a workload with these needs."""
        return all(need in self.abilities or (need in self.probes and self._probe(need)) for need in needs)

    def _probe(self, need: str) -> bool:
        return self.probes[need] in _help(self.requires[0])


@functools.cache
def _help(distribution: str) -> str:
    module = "tricorn" if distribution.startswith("tricorn") else distribution
    answer = subprocess.run([PYTHON, "-m", module, "--help"], capture_output=True, text=True, cwd=ROOT.parent)
    return answer.stdout


@functools.cache
def installed(distribution: str) -> bool:
    """Whether a distribution (or, for the harness's own servers, a module) is there."""
    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return distribution.startswith("benchmarks.") and util.find_spec(distribution) is not None
    return True


def tricorn(http: str, loop: str, ws: str) -> Callable[[Launch], list[str]]:
    """tricorn's command line; uvicorn's has the same flags."""
    return functools.partial(_uvicorn_like, "tricorn", http, loop, ws)


def uvicorn(http: str, loop: str, ws: str) -> Callable[[Launch], list[str]]:
    """uvicorn's command line."""
    return functools.partial(_uvicorn_like, "uvicorn", http, loop, ws)


def _uvicorn_like(module: str, http: str, loop: str, ws: str, launch: Launch) -> list[str]:
    command = [PYTHON, "-m", module, launch.app, "--host", "127.0.0.1", "--port", str(launch.port)]
    command += ["--http", http, "--loop", loop, "--ws", ws]
    command += ["--access-log", "--log-level", "info"] if launch.access_log else []
    command += [] if launch.access_log else ["--no-access-log", "--log-level", "warning"]
    if launch.certificate:
        command += ["--ssl-certfile", str(launch.certificate[0]), "--ssl-keyfile", str(launch.certificate[1])]
    if launch.workers > 1:
        command += ["--workers", str(launch.workers)]
    return [*command, "--http2"] if launch.http2 else command


def _hypercorn(loop: str, launch: Launch) -> list[str]:
    command = [PYTHON, "-m", "hypercorn", launch.app, "--bind", f"127.0.0.1:{launch.port}", "--worker-class", loop]
    command += ["--workers", str(launch.workers)]
    command += ["--access-logfile", "-", "--log-level", "INFO"] if launch.access_log else ["--log-level", "WARNING"]
    if launch.certificate:
        command += ["--certfile", str(launch.certificate[0]), "--keyfile", str(launch.certificate[1])]
    return command


def _granian(loop: str, launch: Launch) -> list[str]:
    command = [PYTHON, "-m", "granian", launch.app, "--interface", "asgi", "--host", "127.0.0.1"]
    command += ["--port", str(launch.port), "--http", "auto" if launch.http2 else "1"]
    command += ["--loop", loop, "--workers", str(launch.workers)]
    # Its default is 1024 connections at a time, and idle ones count.
    command += ["--backpressure", "16384"]
    command += ["--access-log"] if launch.access_log else ["--no-access-log", "--log-level", "warning"]
    if launch.certificate:
        command += ["--ssl-certificate", str(launch.certificate[0]), "--ssl-keyfile", str(launch.certificate[1])]
    return command


def _gunicorn(loop: str, launch: Launch) -> list[str]:
    command = [PYTHON, "-m", "gunicorn", launch.app, "--worker-class", "asgi", "--asgi-loop", loop]
    command += ["--bind", f"127.0.0.1:{launch.port}", "--workers", str(launch.workers), "--log-level", "warning"]
    # gunicorn closes idle connections after 2 s by default; the others after 5 s and more.
    command += ["--keep-alive", "5"]
    command += ["--access-logfile", "-"] if launch.access_log else []
    if launch.certificate:
        command += ["--certfile", str(launch.certificate[0]), "--keyfile", str(launch.certificate[1])]
    return command


def _daphne(launch: Launch) -> list[str]:
    command = [PYTHON, "-m", "daphne", "--verbosity", "1" if launch.access_log else "0"]
    command += ["--access-log", "-"] if launch.access_log else []
    if launch.certificate:
        certificate, key = launch.certificate
        endpoint = f"ssl:{launch.port}:interface=127.0.0.1:certKey={certificate}:privateKey={key}"
        return [*command, "--endpoint", endpoint, launch.app]
    return [*command, "--bind", "127.0.0.1", "--port", str(launch.port), launch.app]


def _fastpysgi(launch: Launch) -> list[str]:
    start = "import fastpysgi; fastpysgi.run_from_cli()"
    command = [PYTHON, "-c", start, launch.app, "--host", "127.0.0.1", "--port", str(launch.port)]
    if launch.certificate:
        command += ["--certfile", str(launch.certificate[0]), "--keyfile", str(launch.certificate[1])]
    return command


def _socketify(launch: Launch) -> list[str]:
    command = [PYTHON, "-m", "socketify", launch.app, "--host", "127.0.0.1", "--port", str(launch.port)]
    return [*command, "--interface", "asgi", "--ws-per-message-deflate", "True", "--disable-listen-log", "True"]


def _floor(loop: str, launch: Launch) -> list[str]:
    command = [PYTHON, "-m", "benchmarks.floor", str(launch.port), loop, str(launch.answer)]
    return [*command, *map(str, launch.certificate or ())]


def _plugins(kind: str) -> list[str]:
    """The installed tricorn plugins of a kind, by name: a new one is measured as soon as it is installed."""
    return sorted({entry.name for entry in metadata.entry_points(group=f"tricorn.{kind}")})


def _tricorn_servers() -> list[Server]:
    plain = frozenset({HTTP, ACCESS_LOG})
    probes = {TLS: "--ssl-keyfile", WORKERS: "--workers"}
    auto = tricorn("auto", "auto", "auto")  # what is picked where nothing is asked for
    servers = [Server("tricorn-auto", auto, ("tricorn-kernel",), plain, ("uvicorn-auto",), probes)]
    for loop in LOOPS:
        extra: tuple[str, ...] = ("tricorn-loop-uvloop", "uvloop") if loop == "uvloop" else ()
        for http in _plugins("http"):
            if http in NOT_HTTP1:
                continue
            same = http if http in UVICORN_PARSERS else "httptools"
            requires = ("tricorn-kernel", f"tricorn-http-{http}", *extra)
            command, baselines = tricorn(http, loop, "websockets"), (f"uvicorn-{same}-{loop}",)
            abilities = plain | ({HTTP2} if installed("tricorn-http-h2") else set())
            servers.append(Server(f"tricorn-{http}-{loop}", command, requires, abilities, baselines, probes))
        for ws in _plugins("ws"):
            same = {"websockets": "websockets-sansio"}.get(ws, ws)
            best = f"uvicorn-ws-websockets-sansio-{loop}"
            own = f"uvicorn-ws-{same}-{loop}" if same in UVICORN_WS else best
            requires = ("tricorn-kernel", f"tricorn-ws-{ws}", *extra)
            both = tuple(dict.fromkeys([own, best]))
            command, abilities = tricorn("httptools", loop, ws), frozenset({WS, DEFLATE})
            servers.append(Server(f"tricorn-ws-{ws}-{loop}", command, requires, abilities, both))
    return servers


def _uvicorn_servers() -> list[Server]:
    plain = frozenset({HTTP, ACCESS_LOG, TLS, WORKERS})
    servers = [Server("uvicorn-auto", uvicorn("auto", "auto", "auto"), ("uvicorn",), plain)]
    for loop in LOOPS:
        extra: tuple[str, ...] = ("uvloop",) if loop == "uvloop" else ()
        for http in UVICORN_PARSERS:
            requires, command = ("uvicorn", http, *extra), uvicorn(http, loop, "websockets-sansio")
            servers.append(Server(f"uvicorn-{http}-{loop}", command, requires, plain))
        command = uvicorn("zttp", loop, "websockets-sansio")
        servers.append(Server(f"uvicorn-zttp-{loop}", command, ("uvicorn", "zttp", *extra), plain | {HTTP2}))
        for ws in UVICORN_WS:
            requires, command = ("uvicorn", ws.removesuffix("-sansio"), *extra), uvicorn("httptools", loop, ws)
            best = f"uvicorn-ws-websockets-sansio-{loop}"
            baselines = () if ws == "websockets-sansio" else (best,)
            servers.append(Server(f"uvicorn-ws-{ws}-{loop}", command, requires, frozenset({WS, DEFLATE}), baselines))
    return servers


def _peers() -> list[Server]:
    every = frozenset({HTTP, WS, TLS, WORKERS, ACCESS_LOG})
    against = ("uvicorn-httptools-uvloop", "uvicorn-ws-websockets-sansio-uvloop")
    slow = ("uvicorn-httptools-asyncio", "uvicorn-ws-websockets-sansio-asyncio")
    servers = []
    for loop in LOOPS:
        extra, others = (("uvloop",), against) if loop == "uvloop" else ((), slow)
        granian, hypercorn = functools.partial(_granian, loop), functools.partial(_hypercorn, loop)
        gunicorn = functools.partial(_gunicorn, loop)
        servers.append(Server(f"granian-{loop}", granian, ("granian", *extra), every | {HTTP2}, others))
        servers.append(Server(f"hypercorn-{loop}", hypercorn, ("hypercorn", *extra), every | {DEFLATE, HTTP2}, others))
        servers.append(Server(f"gunicorn-{loop}", gunicorn, ("gunicorn", *extra), every, others))
        floor = functools.partial(_floor, loop)
        servers.append(Server(f"floor-{loop}", floor, ("benchmarks.floor", *extra), frozenset({"floor"}), others))
    servers.append(Server("daphne", _daphne, ("daphne",), every - {WORKERS}, against))
    servers.append(Server("fastpysgi", _fastpysgi, ("fastpysgi",), frozenset({HTTP, TLS}), against))
    servers.append(Server("socketify", _socketify, ("socketify",), frozenset({HTTP, WS, DEFLATE}), against))
    return servers


@functools.cache
def catalogue() -> dict[str, Server]:
    """Every server that the harness knows, by name, in the order of the tables."""
    servers = [*_uvicorn_servers(), *_tricorn_servers(), *_peers()]
    return {server.name: server for server in servers}


def select(patterns: Iterable[str]) -> tuple[list[Server], list[str]]:
    """The servers that match any of the shell patterns and, behind them, lines about those left out.

    Raises ValueError for a pattern that names no server.
    """
    chosen: dict[str, Server] = {}
    absent: list[str] = []
    for pattern in patterns:
        names = [name for name in catalogue() if fnmatch(name, pattern)]
        if not names:
            raise ValueError(f"no server is called {pattern!r}; `python -m benchmarks list` names them")
        for name in names:
            lacking = catalogue()[name].missing()
            if lacking:
                absent.append(f"{name}: left out, not installed: {', '.join(lacking)}")
            else:
                chosen[name] = catalogue()[name]
    return list(chosen.values()), absent
