"""The settings of a server: plain attributes that anyone may change until `load()` makes a server of them."""

from __future__ import annotations

import difflib
import inspect
import logging
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from tricorn.loading import AppError, call_factory, choose_interface, import_app
from tricorn.logging import LOGGING_CONFIG, TRACE_LOG_LEVEL
from tricorn.observers import observed
from tricorn.options import BY_NAME, OPTIONS, default_of, keywords
from tricorn.registry import AUTOMATIC, PluginError, Registry, Selected

if TYPE_CHECKING:
    import asyncio
    import ssl

    from tricorn.api import ListenerProvider

__all__ = ["LOGGING_CONFIG", "LOG_LEVELS", "STARTUP_FAILURE", "Config"]

STARTUP_FAILURE = 3
"""The exit status of a server that could not start."""

LOG_LEVELS: dict[str, int] = {
    "critical": logging.CRITICAL,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": TRACE_LOG_LEVEL,
}

logger = logging.getLogger("tricorn.error")


class Config:
    """Every option as an attribute, and what they select once `load()` has been called.

    Parameters are the declared options (`inspect.signature` shows them), and those of the plugins selected with them.
    Raises TypeError for a keyword that is none. Where the start-up cannot succeed the reason is logged in one line
    and the process exits with status 3, as programs written for uvicorn expect.

    loaded: `load()` has run. loaded_app: the application as it is served. selected: the plugins of each kind.
    """

    def __init__(self, app: Any, *args: Any, registry: Registry | None = None, **kwargs: Any) -> None:
        given = dict(zip(_NAMES, args, strict=False))
        if len(args) > len(_NAMES) or given.keys() & kwargs.keys():
            _SIGNATURE.bind(self, app, *args, **kwargs)  # raises Python's own words for it
        given.update(kwargs)
        self.app = app
        for option in OPTIONS:
            if option.keyword:
                value = given.pop(option.name, None) if option.multiple else given.pop(option.name, option.default)
                setattr(self, option.name, default_of(option) if value is None and option.multiple else value)
        self.registry = registry or _attempt(Registry)
        self.selected: dict[str, list[Selected]] = {}
        self.loaded = False
        self.encoded_headers: list[tuple[bytes, bytes]] = []
        self.ssl: ssl.SSLContext | None = None
        self.asgi_version = "3.0"
        self.configure_logging()
        if given:
            self._take_plugin_options(given)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """The options: declared in `tricorn.options` and by plugins, not here."""

    # --- selection ------------------------------------------------------------------------------------------------

    def configure_logging(self) -> None:
        """Set up the loggers through the logging plugin."""
        plugin = _attempt(lambda: self.registry.named("logging", self._choice("logging"), self))
        self.selected["logging"] = [plugin]
        try:
            plugin.provider.configure(self)
        except (OSError, ImportError, ValueError) as error:
            fail(f"Error configuring the log. {error}")

    def select(self) -> None:
        """Load the selected plugins, so that what cannot work is known before anything is opened or imported."""
        if "http" not in self.selected:
            _attempt(self._select)

    def _select(self) -> None:
        selected = {kind: self._pick(kind) for kind in ("http", "ws", "lifespan")}
        names = list(self.plugins)
        names = [*(n for n in self.registry.defaults().get("plugin", ((), None))[0] if n not in names), *names]
        selected["plugin"] = [self.registry.named("plugin", name) for name in names]
        if not selected["http"]:
            tried, why = self.registry.preferred("http")
            raise PluginError(
                f"No HTTP plugin works here (tried {', '.join(tried)}, {why}): pip install tricorn-http-h11."
            )
        self.selected.update(selected)

    def _choice(self, kind: str) -> Any:
        """The option's value; where it is the default, what a bundle puts in its place."""
        value = getattr(self, kind)
        if kind not in AUTOMATIC and value == BY_NAME[kind].default:
            bundled = self.registry.defaults().get(kind)
            if bundled is not None:
                return bundled[0][0]
        return value

    def _pick(self, kind: str) -> list[Selected]:
        value = self._choice(kind)
        if not isinstance(value, str):
            values = value if isinstance(value, (list, tuple)) else [value]
            return [v if isinstance(v, Selected) else self.registry.given(kind, v) for v in values if v is not None]
        found: list[Selected] = []
        for name in value.split(",") if kind == "http" else (value,):
            if name == "none" and kind in ("ws", "loop"):
                continue
            auto = name == "auto" and kind in AUTOMATIC
            plugin = self.registry.auto(kind) if auto else self.registry.named(kind, name.strip())
            if plugin is not None and plugin not in found:
                found.append(plugin)
        return found

    def _take_plugin_options(self, given: dict[str, Any]) -> None:
        self.select()
        declared = {option.name for option, _ in _attempt(self.registry.options)}
        for name, value in given.items():
            if name not in declared:
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
        """Load plugins and application; may be called once."""
        assert not self.loaded, "this Config has been loaded already"
        self.select()
        _attempt(self._load_options)
        # Latin-1 is what field values are made of on the wire (RFC 9110 section 5.5).
        self.encoded_headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self.headers
        ]
        try:
            app = call_factory(self.load_app(), self.factory)
            self.loaded_app = self._adapted(app)
        except AppError as error:
            fail(str(error))
        _attempt(self._load_side_plugins)
        self.loaded = True

    def _load_options(self) -> None:
        for option, _ in self.registry.options():
            if not hasattr(self, option.name):
                setattr(self, option.name, default_of(option))

    def _adapted(self, app: Any) -> Any:
        choice = self._choice("interface")
        # asgi3 comes last, because what takes any arguments would pass for it.
        names = [choice]
        if choice == "auto":
            names = sorted(self.registry.names("interface"), key=lambda name: name == "asgi3")
        plugins: list[Selected] = _attempt(lambda: [self.registry.named("interface", name) for name in names])
        if choice == "auto":
            name, provider = choose_interface(app, self.app, [(p.name, p.provider) for p in plugins])
            self.interface = name
        else:
            provider = plugins[0].provider
        self.asgi_version = provider.asgi_version
        if not provider.websockets:
            self.selected["ws"] = []
        return provider.adapt(app)

    def _load_side_plugins(self) -> None:
        registry = self.registry
        side = self.selected["plugin"]
        having = {
            hook: [p for p in side if registry.implementations(hook, [p.provider])]
            for hook in ("tricorn_app", "tricorn_observer", "tricorn_tls")
        }
        observers = [registry.call(p, "tricorn_observer", settings=self) for p in having["tricorn_observer"]]
        if observers:
            self.loaded_app = observed(self.loaded_app, observers)
        for plugin in reversed(having["tricorn_app"]):
            self.loaded_app = registry.call(plugin, "tricorn_app", app=self.loaded_app, settings=self)
        for plugin in having["tricorn_tls"]:
            self.ssl = self.ssl or registry.call(plugin, "tricorn_tls", settings=self)

    # --- what uvicorn's Config has besides --------------------------------------------------------------------------

    @property
    def is_ssl(self) -> bool:
        """Whether connections are encrypted; known after `load()`."""
        return self.ssl is not None

    @property
    def should_reload(self) -> bool:
        """Whether a supervisor restarts the server when files change: none that is built in does."""
        return False

    @property
    def listener(self) -> ListenerProvider:
        """Where the connections come from."""
        name = "fd" if self.fd is not None else "unix" if self.uds is not None else "tcp"
        provider: ListenerProvider = _attempt(lambda: self.registry.named("listener", name)).provider
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

    def get_loop_factory(self) -> Callable[[], asyncio.AbstractEventLoop] | None:
        """What makes the event loop, for `asyncio.Runner`; None leaves the choice to asyncio."""
        value = self.loop
        if not isinstance(value, str) and hasattr(value, "run_until_complete"):
            return lambda: value
        selected = _attempt(lambda: self._pick("loop"))
        self.selected["loop"] = selected
        if not selected:
            return None
        factory: Callable[[], asyncio.AbstractEventLoop] = selected[0].provider.factory
        return factory


def log_address(config: Config, sockets: list[socket.socket]) -> None:
    """Say where the server is to be found, in the words that programs wait for."""
    ending = " (Press CTRL+C to quit)"
    if config.fd is not None:
        logger.info("Tricorn running on socket %s" + ending, sockets[0].getsockname())
    elif config.uds is not None:
        logger.info("Tricorn running on unix socket %s" + ending, config.uds)
    else:
        host = config.host or "0.0.0.0"
        address = "%s://[%s]:%d" if ":" in host else "%s://%s:%d"
        logger.info(
            f"Tricorn running on {address}{ending}",
            "https" if config.is_ssl else "http",
            host,
            sockets[0].getsockname()[1],
            extra={"color_message": f"Tricorn running on \033[1m{address}\033[0m{ending}"},
        )


def fail(reason: str) -> NoReturn:
    """Log why the server cannot start and exit with status 3."""
    logger.error("%s", reason)
    sys.exit(STARTUP_FAILURE)


def _attempt(load: Callable[[], Any]) -> Any:
    try:
        return load()
    except PluginError as error:
        fail(str(error))


_PARAMETERS = keywords(option for option in OPTIONS if option.keyword)
_NAMES = [parameter.name for parameter in _PARAMETERS]
_KIND = inspect.Parameter.POSITIONAL_OR_KEYWORD
_SIGNATURE = inspect.Signature([inspect.Parameter("self", _KIND), inspect.Parameter("app", _KIND), *_PARAMETERS])
Config.__init__.__signature__ = _SIGNATURE  # type: ignore[attr-defined]
