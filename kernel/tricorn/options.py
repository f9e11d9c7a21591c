"""Every option of the kernel, declared once: `Config`, `run()`, the command line and its help are made from this list.

The order is that of uvicorn's `Config`, because its parameters may be given by position; what uvicorn does not have
stands behind. An option is declared here only when it does something.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from tricorn.api import Option
from tricorn.logging import LOG_LEVELS, LOGGING_CONFIG


def parse_header(text: str) -> tuple[str, str]:
    """`Name:Value` as a pair; white space around the value is not part of it. Raises ValueError without a colon."""
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise ValueError(f"{text!r} is not of the form Name:Value")
    return name.strip(), value.strip()


OPTIONS: tuple[Option, ...] = (
    Option("host", "Address or host name to listen on.", default="127.0.0.1"),
    Option("port", "TCP port to listen on; 0 takes a free one.", int, 8000),
    Option("uds", "Listen on a UNIX domain socket at this path instead.", metavar="PATH"),
    Option("fd", "Serve the listening socket inherited as this file descriptor instead.", int),
    Option("loop", "Event loop: auto, none (asyncio's own choice), a plugin, or module:factory.", kind="loop",
           default="auto"),
    Option("http", "HTTP plugins, comma-separated, best first: auto, names, or module:attribute.", kind="http",
           default="auto"),
    Option("http2", "Serve HTTP/2 too: the plugin h2 before those of --http.", bool, False, switch="single"),
    Option("ws", "WebSocket plugin: auto, none, a name, or module:attribute.", kind="ws", default="auto"),
    Option("ws_max_size", "Largest WebSocket message, in bytes.", int, 16 * 1024 * 1024),
    Option("ws_max_queue", "WebSocket messages that may wait for the application before reading pauses.", int, 32),
    Option("ws_ping_interval", "Seconds of silence after which a WebSocket is pinged.", float, 20.0),
    Option("ws_ping_timeout", "Seconds in which a WebSocket ping must be answered.", float, 20.0),
    Option("ws_per_message_deflate", "Offer compression of WebSocket messages.", bool, True, switch="value"),
    Option("lifespan", "Lifespan events for the application: auto, on, off, or a plugin.", kind="lifespan",
           default="auto"),
    Option("env_file", "Set environment variables from this file (needs python-dotenv).", metavar="PATH"),
    Option("log_config", "Logging configuration file (.ini, .json, .yaml).", default=LOGGING_CONFIG, metavar="PATH"),
    Option("log_level", "Level of the server's loggers.", tuple(LOG_LEVELS)),
    Option("access_log", "Log every request.", bool, True),
    Option("use_colors", "Colours in the log; by default on a terminal only.", bool),
    Option("interface", "What the application speaks: auto, asgi3, asgi2, or a plugin.", kind="interface",
           default="auto"),
    Option("reload", "Restart the server when files change.", bool, False, switch="single"),
    Option("reload_dirs", "A directory to watch instead of the current one; may be repeated.", flag="--reload-dir",
           metavar="PATH", multiple=True),
    Option("reload_delay", "Seconds between two looks for changes, where changes are looked for.", float, 0.25),
    Option("reload_includes", "A pattern of files to watch besides *.py; may be repeated.", flag="--reload-include",
           metavar="GLOB", multiple=True),
    Option("reload_excludes", "A pattern of files or directories not to watch; may be repeated.",
           flag="--reload-exclude", metavar="GLOB", multiple=True),
    Option("workers", "Serving processes; $WEB_CONCURRENCY or 1 by default.", int),
    Option("proxy_headers", "Take client and scheme from X-Forwarded-For and X-Forwarded-Proto of trusted peers.", bool,
           True),
    Option("server_header", "Send the Server header.", bool, True),
    Option("date_header", "Send the Date header.", bool, True),
    Option("forwarded_allow_ips", "Trusted peers: addresses and networks, comma-separated, or *; by default "
           "$FORWARDED_ALLOW_IPS or 127.0.0.1,::1."),
    Option("root_path", "The path under which a proxy mounts the application.", default=""),
    Option("limit_concurrency", "Connections or running calls at which requests are answered 503.", int),
    Option("limit_max_requests", "End the process after this many requests.", int),
    Option("limit_max_requests_jitter", "Up to so many requests more than that, by chance, so that workers do not end "
           "together.", int, 0),
    Option("backlog", "Connections that the system holds until they are accepted.", int, 2048),
    Option("timeout_keep_alive", "Seconds an idle connection is kept open between requests.", float, 5),
    Option("timeout_notify", "Seconds between two calls of callback_notify.", float, 30, cli=False),
    Option("timeout_graceful_shutdown", "Seconds that requests get to finish at shutdown; no limit by default.", float),
    Option("timeout_worker_healthcheck", "Seconds in which a worker must show that it is alive, or at work.", float, 5),
    Option("callback_notify", "A coroutine function called every timeout_notify seconds.", object, cli=False),
    Option("ssl_keyfile", "Key of the TLS certificate, where it is not in --ssl-certfile.", metavar="PATH"),
    Option("ssl_certfile", "TLS certificate, with those between it and its authority.", metavar="PATH"),
    Option("ssl_keyfile_password", "Password of the key."),
    Option("ssl_version", "TLS protocol, as the number of a constant of Python's module ssl.", int, 17),
    Option("ssl_cert_reqs", "Client certificates: 0 not asked for, 1 checked when sent, 2 required.", int, 0),
    Option("ssl_ca_certs", "Authorities that client certificates must come from.", metavar="PATH"),
    Option("ssl_ciphers", "TLS ciphers in OpenSSL's notation; OpenSSL's own choice by default."),
    Option("ssl_context_factory", "Makes the SSLContext, given the configuration and what makes the usual one.", object,
           cli=False),
    Option("headers", "A header for every response; may be repeated.", flag="--header", metavar="NAME:VALUE",
           multiple=True, parse=parse_header),
    Option("factory", "APP is a function that returns the application.", bool, False, switch="single"),
    Option("h11_max_incomplete_event_size", "Largest request head, in bytes: uvicorn's name of --limit-request-head.",
           int),
    Option("reset_contextvars", "Give every application call an empty context of contextvars.", bool, False,
           switch="single"),
    Option("app_dir", "Directory where APP is looked for; by default the current one.", metavar="PATH", keyword=False),
    # What uvicorn does not have.
    Option("log_format", "Lines of the log: plain, time (they begin with it), or json (by the plugin of that name).",
           ("plain", "time", "json")),
    Option("access_log_format", "Lines of the access log: common, combined, or atoms as %(h)s, which are gunicorn's.",
           metavar="FORMAT"),
    Option("access_log_exclude", "Paths whose successful requests the access log leaves out, comma-separated.",
           metavar="PATHS"),
    Option("logging", "Logging plugin.", kind="logging", default="text"),
    Option("supervisor", "What runs the serving process: auto (as --reload and --workers ask), or a plugin.",
           kind="supervisor", default="auto"),
    Option("timeout_worker_blocked", "Seconds after which a worker with a blocked event loop is killed; 0 for never.",
           float, 0),
    Option("listen", "Where connections come from: auto (as --host, --uds and --fd ask), or a plugin.", kind="listener",
           default="auto", flag="--listener", metavar="NAME"),
    Option("plugins", "A further plugin to switch on (middleware, observers); may be repeated.", flag="--plugin",
           kind="plugin", metavar="NAME", multiple=True),
    Option("behind_proxy", "Settings for a proxy on this machine or in a private network: --timeout-keep-alive 75, and "
           "--forwarded-allow-ips with the private networks.", bool, False, switch="single"),
    Option("proxy_host", "Take Host and port from X-Forwarded-Host and X-Forwarded-Port of trusted peers.", bool, False,
           switch="single"),
    Option("proxy_prefix", "Take the root path from X-Forwarded-Prefix of trusted peers.", bool, False,
           switch="single"),
    Option("proxy_forwarded", "Take Forwarded (RFC 7239) of trusted peers instead of X-Forwarded-For and -Proto.", bool,
           False, switch="single"),
    Option("timeout_graceful_streams", "Seconds of a shutdown until responses of no announced length are told that "
           "nobody listens and WebSockets are closed (1012), and then until those that go on are cancelled; 0 for not "
           "before its end.", float, 2),
    Option("timeout_tls_handshake", "Seconds in which a TLS handshake must be done; 0 for no limit.", float, 10),
    Option("timeout_request_head", "Seconds in which a request's head must arrive; 0 for no limit.", float, 10),
    Option("timeout_request_body", "Seconds without a byte of a body that end a request; 0 for no limit.", float, 30),
    Option("timeout_write", "Seconds without a byte taken that end a response; 0 for no limit.", float, 30),
    Option("limit_request_head", "Largest request head, in bytes.", int, 64 * 1024),
    Option("limit_request_line", "Longest request line, in bytes.", int, 16 * 1024),
    Option("limit_request_fields", "Most header fields in a request.", int, 256),
    Option("limit_request_body", "Largest request body, in bytes; larger ones are answered 413.", int),
    Option("limit_connections", "Open connections; further ones are answered 503.", int),
    Option("limit_calls", "Application calls that run at the same time; further ones wait for their turn.", int),
    Option("limit_waiting_calls", "Calls that wait because of --limit-calls; further ones are answered 503.", int, 100),
    Option("proxy_protocol", "Connections begin with a PROXY protocol header, version 1 or 2, of a trusted peer.", bool,
           False, switch="single"),
)  # fmt: skip


BEHIND_PROXY = {"timeout_keep_alive": 75.0}
"""What `behind_proxy` sets where nobody else does, besides the peers to trust: proxies keep idle connections for 60
seconds, and the side that closes first must be theirs, or a request meets a connection that is just closing."""


def keywords(options: Iterable[Option]) -> list[inspect.Parameter]:
    """The options as parameters, which is what `inspect.signature` shows of `Config` and `run`."""
    return [
        inspect.Parameter(
            option.name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=option.default,
            annotation=_annotation(option),
        )
        for option in options
    ]


def _annotation(option: Option) -> Any:
    if option.parse is not None:
        return Any
    base: Any = option.type if isinstance(option.type, type) else str
    if option.multiple:
        return list[base] | None
    return base | None if option.default is None else base


def default_of(option: Option) -> Any:
    """The value that an option has when nothing sets it; lists are never shared."""
    return [] if option.multiple and option.default is None else option.default


BY_NAME = {option.name: option for option in OPTIONS}
