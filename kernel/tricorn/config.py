"""The settings of a server: plain attributes that anyone may change until `load()` makes a server of them."""

from __future__ import annotations

import functools
import inspect
import logging
import socket
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import tricorn
from tricorn import environment, selection, twins
from tricorn.announce import log_address
from tricorn.choices import (
    HTTP_PROTOCOLS,
    INTERFACES,
    LIFESPAN,
    LOOP_FACTORIES,
    WS_PROTOCOLS,
    HTTPProtocolType,
    InterfaceType,
    LifespanType,
    LoopFactoryType,
    WSProtocolType,
)
from tricorn.environment import EnvironmentVariableError
from tricorn.loading import AppError, adapted, call_factory, import_app
from tricorn.logging import LOG_LEVELS, LOGGING_CONFIG, TRACE_LOG_LEVEL
from tricorn.observers import observed
from tricorn.options import BEHIND_PROXY, OPTIONS, default_of, keywords
from tricorn.proxy import Proxies
from tricorn.registry import PluginError, Registry, Selected
from tricorn.tls import TlsError, finished_context

if TYPE_CHECKING:
    import asyncio
    import ssl

    from tricorn.api import ListenerProvider

__all__ = [
    "HTTP_PROTOCOLS",
    "INTERFACES",
    "LIFESPAN",
    "LOGGING_CONFIG",
    "LOG_LEVELS",
    "LOOP_FACTORIES",
    "SSL_PROTOCOL_VERSION",
    "STARTUP_FAILURE",
    "WS_PROTOCOLS",
    "Config",
    "HTTPProtocolType",
    "InterfaceType",
    "LifespanType",
    "LoopFactoryType",
    "UvicornDeprecationWarning",
    "WSProtocolType",
]

STARTUP_FAILURE = 3
"""The exit status of a server that could not start."""

SSL_PROTOCOL_VERSION = 17
"""`ssl.PROTOCOL_TLS_SERVER`."""

logger = logging.getLogger("tricorn.error")


class Config:
    """Every option as an attribute, and what they select once `load()` has been called.

    Parameters are the declared options (`inspect.signature` shows them), and those of the plugins selected with them.
    Raises TypeError for a keyword that is none. Where the start-up cannot succeed the reason is logged in one line
    and the process exits with status 3, as programs written for uvicorn expect.

    loaded: `load()` has run. loaded_app: the application as it is served. selected: the plugins of each kind.
    dedicated: the process is there for this server alone (`run()` says so), which may then tune the process.
    """

    dedicated = False

    def __init__(self, app: Any, *args: Any, registry: Registry | None = None, **kwargs: Any) -> None:
        given = dict(zip(_NAMES, args, strict=False))
        if len(args) > len(_NAMES) or given.keys() & kwargs.keys():
            _SIGNATURE.bind(self, app, *args, **kwargs)  # raises Python's own words for it
        given.update(kwargs)
        if given.get("behind_proxy"):
            given = {**BEHIND_PROXY, **given}
        self.app = app
        for option in OPTIONS:
            if option.keyword:
                value = given.pop(option.name, option.default)
                if option.multiple:
                    value = [] if value is None else [value] if isinstance(value, str) else list(value)
                setattr(self, option.name, value)
        self.registry = registry or _attempt(Registry)
        self.selected: dict[str, list[Selected]] = {}
        self.loaded = False
        self.encoded_headers: list[tuple[bytes, bytes]] = []
        self.ssl: ssl.SSLContext | None = None
        self.asgi_version = "3.0"
        self.proxies: Proxies | None = None
        self.configure_logging()
        self._read_environment()
        if given:
            self._take_plugin_options(given)

    if TYPE_CHECKING:
        workers: Any
        forwarded_allow_ips: Any
        reload_dirs: list[Any]
        limit_request_head: Any
        limit_request_line: Any

        def __getattr__(self, name: str) -> Any:
            """The options: declared in `tricorn.options` and by plugins, not here."""

    def _read_environment(self) -> None:
        try:
            if self.env_file is not None:
                logger.info("Loading environment from '%s'", self.env_file)
                environment.load_env_file(self.env_file)
            self.workers = self.workers or (environment.workers() if self.workers is None else 1)
        except EnvironmentVariableError as error:
            fail(str(error))
        if self.forwarded_allow_ips is None:
            self.forwarded_allow_ips = environment.trusted_peers(self.behind_proxy)
        if self.should_reload:
            self._resolve_reload_dirs()
        elif self.reload_dirs or self.reload_includes or self.reload_excludes:
            logger.warning(
                "Current configuration will not reload as not all conditions are met, please refer to documentation."
            )

    def _resolve_reload_dirs(self) -> None:
        """Have them as paths, which exist; the current directory where nothing is left."""
        found = [path for path in map(Path, self.reload_dirs) if path.is_dir()]
        if self.reload_dirs and not found:
            logger.warning(
                "Provided reload directories %s did not contain valid directories, watching current working directory.",
                self.reload_dirs,
            )
        self.reload_dirs = [path.resolve() for path in found] or [Path.cwd()]

    # --- into another process -------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """What a spawned process needs: the settings, from which it selects and loads for itself."""
        state = self.__dict__.copy()
        for name in ("registry", "selected", "ssl", "proxies", "loaded_app"):
            state.pop(name, None)
        return {**state, "loaded": False, "_as_uvicorn": tricorn.as_uvicorn}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make the settings usable again; `configure_logging` is the new process's to call."""
        if state.pop("_as_uvicorn"):
            tricorn.install_as_uvicorn()
        self.__dict__.update(state)
        self.registry = _attempt(Registry)
        self.selected = {}
        self.ssl = self.proxies = None

    # --- selection ------------------------------------------------------------------------------------------------

    def configure_logging(self) -> None:
        """Set up the loggers through the logging plugin."""
        twins.share()
        plugin = _attempt(lambda: selection.logging(self))
        self.selected["logging"] = [plugin]
        try:
            plugin.provider.configure(self)
        except (OSError, ImportError, ValueError) as error:
            if not logger.handlers and not logging.getLogger("tricorn").handlers:
                from logging.config import dictConfig

                dictConfig(LOGGING_CONFIG)
            fail(f"The log cannot be configured: {error}")

    def select(self) -> None:
        """Load the selected plugins, so that what cannot work is known before anything is opened or imported."""
        if "http" not in self.selected:
            if "logging" not in self.selected:
                self.configure_logging()
            self.selected.update(_attempt(lambda: selection.select(self)))

    def _take_plugin_options(self, given: dict[str, Any]) -> None:
        self.select()
        # What stands around the server is asked for later, and may have options too.
        for find in (selection.listener, selection.supervisor):
            _attempt(functools.partial(find, self))
        declared = {option.name for option, _ in _attempt(self.registry.options)}
        for name, value in given.items():
            if name not in declared:
                import difflib

                close = difflib.get_close_matches(name, [*_NAMES, *declared], 1)
                hint = f"; did you mean {close[0]!r}?" if close else "; neither does a selected plugin."
                raise TypeError(f"tricorn has no option {name!r}{hint}")
            setattr(self, name, value)

    # --- loading --------------------------------------------------------------------------------------------------

    def load_app(self) -> Any:
        """Import the application and return it, unwrapped."""
        try:
            return import_app(self.app)
        except AppError as error:
            fail(str(error))

    def load(self) -> None:
        """Load plugins, certificates and application; may be called once."""
        assert not self.loaded, "this Config has been loaded already"
        self.select()
        self.load_options()
        # Latin-1 is what field values are made of on the wire (RFC 9110 section 5.5).
        self.encoded_headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self.headers
        ]
        if self.h11_max_incomplete_event_size is not None:
            self.limit_request_head = self.h11_max_incomplete_event_size
            self.limit_request_line = max(self.limit_request_line, self.limit_request_head)
        self.proxies = Proxies(self) if self.proxy_headers else None
        self._load_tls()
        if self.proxy_protocol and self.ssl is not None:
            fail("proxy_protocol needs connections in clear text: let the proxy end TLS, or do without it.")
        try:
            app = call_factory(self.load_app(), self.factory)
            self.loaded_app = _attempt(lambda: adapted(self, app))
        except AppError as error:
            fail(str(error))
        _attempt(self._load_side_plugins)
        self.loaded = True

    def load_options(self) -> None:
        """Give the options of the selected plugins their defaults where nothing was given."""
        for option, _ in _attempt(self.registry.options):
            if not hasattr(self, option.name):
                setattr(self, option.name, default_of(option))

    def _load_tls(self) -> None:
        for plugin in self._implementing("tricorn_tls"):
            self.ssl = self.ssl or _attempt(lambda: self.registry.call(plugin, "tricorn_tls", settings=self))  # noqa: B023
        try:
            self.ssl = finished_context(self)
        except TlsError as error:
            fail(str(error))

    def _implementing(self, hook: str) -> list[Selected]:
        return [p for p in self.selected["plugin"] if self.registry.implementations(hook, [p.provider])]

    def _load_side_plugins(self) -> None:
        registry = self.registry
        observers = [
            registry.call(p, "tricorn_observer", settings=self) for p in self._implementing("tricorn_observer")
        ]
        if observers:
            self.loaded_app = observed(self.loaded_app, observers)
        for plugin in reversed(self._implementing("tricorn_app")):
            self.loaded_app = registry.call(plugin, "tricorn_app", app=self.loaded_app, settings=self)
        if logging.getLogger("tricorn.asgi").isEnabledFor(TRACE_LOG_LEVEL):
            from tricorn.middleware.message_logger import MessageLoggerMiddleware

            self.loaded_app = MessageLoggerMiddleware(self.loaded_app)

    # --- what uvicorn's Config has besides --------------------------------------------------------------------------

    @property
    def is_ssl(self) -> bool:
        """Whether connections are encrypted; where a plugin brings the certificate, known after `load()`."""
        return self.ssl is not None or bool(self.ssl_keyfile or self.ssl_certfile or self.ssl_context_factory)

    @property
    def should_reload(self) -> bool:
        """Whether a supervisor restarts the server when files change, which takes an import string."""
        return isinstance(self.app, str) and bool(self.reload)

    @property
    def use_subprocess(self) -> bool:
        """Whether the application is served by other processes than this one."""
        return bool(self.reload or self.workers > 1)

    @property
    def http_protocol_class(self) -> Any:
        """uvicorn's class that stands for the HTTP plugin that was selected; None before that."""
        from tricorn.protocols.stand_ins import class_of

        return class_of("http", self.selected.get("http", ()))

    @property
    def ws_protocol_class(self) -> Any:
        """uvicorn's class that stands for the WebSocket plugin that was selected; None for none."""
        from tricorn.protocols.stand_ins import class_of

        return class_of("ws", self.selected.get("ws", ()))

    @property
    def lifespan_class(self) -> Callable[[Any], Any]:
        """What makes the lifespan of a server from its configuration; known after `load()`."""
        if "lifespan" not in self.selected:
            raise AttributeError("lifespan_class is known after load()")
        make: Callable[[Any], Any] = self.selected["lifespan"][0].provider.open
        return make

    @property
    def listener(self) -> ListenerProvider:
        """Where the connections come from."""
        provider: ListenerProvider = _attempt(lambda: selection.listener(self)).provider
        return provider

    def bind_sockets(self) -> list[socket.socket]:
        """Take the address: sockets that are bound and do not listen yet."""
        try:
            return self.listener.open(self)
        except OSError as error:
            fail(error.strerror or str(error))

    def bind_socket(self) -> socket.socket:
        """The first of `bind_sockets`, inheritable, and a log line that says where it is."""
        first, *others = self.bind_sockets()
        for sock in others:
            sock.close()
        first.set_inheritable(True)
        log_address(self, [first])
        return first

    def setup_event_loop(self) -> NoReturn:
        """Not there any more, as in uvicorn. Raises AttributeError."""
        raise AttributeError("Config.setup_event_loop is gone, as in uvicorn 0.36: use Config.get_loop_factory().")

    def get_loop_factory(self) -> Callable[[], asyncio.AbstractEventLoop] | None:
        """What makes the event loop, for `asyncio.Runner`; None leaves the choice to asyncio."""
        value = self.loop
        if not isinstance(value, str) and hasattr(value, "run_until_complete"):
            return lambda: value
        selected = _attempt(lambda: selection.pick(self, "loop"))
        self.selected["loop"] = selected
        if not selected:
            return None
        factory: Callable[[], asyncio.AbstractEventLoop] = selected[0].provider.factory
        return factory


def fail(reason: str) -> NoReturn:
    """Log why the server cannot start and exit with status 3."""
    logger.error("%s", reason)
    sys.exit(STARTUP_FAILURE)


def _attempt(load: Callable[[], Any]) -> Any:
    try:
        return load()
    except PluginError as error:
        fail(str(error))


class UvicornDeprecationWarning(UserWarning):
    """uvicorn's warning, which programs name to silence it. tricorn gives none."""


_ELSEWHERE = {
    "ASGI2Middleware": "tricorn.middleware.asgi2",
    "ImportFromStringError": "tricorn.importer",
    "MessageLoggerMiddleware": "tricorn.middleware.message_logger",
    "ProxyHeadersMiddleware": "tricorn.middleware.proxy_headers",
    "WSGIMiddleware": "tricorn.middleware.wsgi",
    "create_ssl_context": "tricorn.tls",
    "import_from_string": "tricorn.importer",
}
"""Names that uvicorn's module of this name has too."""


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        return getattr(import_module(_ELSEWHERE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


_PARAMETERS = keywords(option for option in OPTIONS if option.keyword)
_NAMES = [parameter.name for parameter in _PARAMETERS]
_KIND = inspect.Parameter.POSITIONAL_OR_KEYWORD
_SIGNATURE = inspect.Signature([inspect.Parameter("self", _KIND), inspect.Parameter("app", _KIND), *_PARAMETERS])
Config.__init__.__signature__ = _SIGNATURE  # type: ignore[attr-defined]
