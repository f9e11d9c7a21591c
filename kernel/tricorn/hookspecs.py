"""Every hook that a plugin may implement. Hooks run while the server starts and stops, never while it serves.

A plugin marks its functions with `tricorn.api.hookimpl` and takes any of the named arguments. Unless its docstring says
otherwise, a hook may raise `Unavailable` (its library or platform is missing: `auto` moves on, a plugin asked for by
name ends the start-up with the reason in one line); any other exception ends the start-up and is reported as the
plugin's fault. `settings` is the `tricorn.config.Config` of the server, with every option as an attribute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping, Sequence

    from tricorn.api import (
        ASGIApp,
        CommandProvider,
        HttpProvider,
        InterfaceProvider,
        LifespanProvider,
        ListenerProvider,
        LogProvider,
        LoopProvider,
        Observer,
        Option,
        SupervisorProvider,
        TerminalProvider,
        WsProvider,
    )

hookspec = pluggy.HookspecMarker("tricorn")


# --- One provider per plugin: called by the registry, once, when the plugin has been selected --------------------


@hookspec
def tricorn_loop() -> LoopProvider:  # type: ignore[empty-body]
    """The event loop of a `tricorn.loop` plugin. Called before any loop runs, only when the server makes its own."""


@hookspec
def tricorn_http() -> HttpProvider:  # type: ignore[empty-body]
    """The HTTP protocol of a `tricorn.http` plugin. Called at `Config.load`, in the order of `--http`."""


@hookspec
def tricorn_ws() -> WsProvider:  # type: ignore[empty-body]
    """The WebSocket codec of a `tricorn.ws` plugin. Called at `Config.load`."""


@hookspec
def tricorn_lifespan() -> LifespanProvider:  # type: ignore[empty-body]
    """The lifespan protocol of a `tricorn.lifespan` plugin. Called at `Config.load`."""


@hookspec
def tricorn_logging(settings: Any) -> LogProvider:  # type: ignore[empty-body]
    """The logging of a `tricorn.logging` plugin. Called while `Config` is made, before anything is logged."""


@hookspec
def tricorn_interface() -> InterfaceProvider:  # type: ignore[empty-body]
    """How applications of a `tricorn.interface` plugin's kind are recognised and adapted. Called at `Config.load`."""


@hookspec
def tricorn_listener() -> ListenerProvider:  # type: ignore[empty-body]
    """Where the connections of a `tricorn.listener` plugin come from. Called before sockets are bound."""


@hookspec
def tricorn_supervisor() -> SupervisorProvider:  # type: ignore[empty-body]
    """What stands around the serving process. Called by `tricorn.run`, before the application is imported."""


@hookspec
def tricorn_command() -> CommandProvider:  # type: ignore[empty-body]
    """The command of a `tricorn.command` plugin. Called when the first word of a command line is the plugin's name.

    `tricorn --help` and `tricorn plugins` tell of it without importing the plugin. The name of one of tricorn's own
    commands is an error.
    """


@hookspec
def tricorn_terminal() -> TerminalProvider:  # type: ignore[empty-body]
    """How a `tricorn.terminal` plugin shows tables. Called by a command that has one to show, on a terminal alone.

    What is printed elsewhere is plain text, which does not change with what is installed.
    """


# --- Any selected plugin -----------------------------------------------------------------------------------------


@hookspec
def tricorn_options() -> Sequence[Option]:  # type: ignore[empty-body]
    """The plugin's own options. Called when the plugin is selected: by the command line before it parses, and by
    `Config.load`. A name that the kernel or another selected plugin has already is an error."""


# --- Side plugins: the group `tricorn.plugin`, on only when named by `--plugin` or a bundle -----------------------


@hookspec
def tricorn_app(app: ASGIApp, settings: Any) -> ASGIApp:  # type: ignore[empty-body]
    """Wrap the ASGI 3 application. Called at the end of `Config.load`; the plugin named first is the outermost."""


@hookspec
def tricorn_observer(settings: Any) -> Observer:  # type: ignore[empty-body]
    """Something to tell about every request. Called at `Config.load`; its methods are collected there, once."""


@hookspec
def tricorn_started(kernel: Any) -> None:
    """The server accepts connections. Called in the loop by `Server.startup`.

    An exception is logged with its traceback and changes nothing else.
    """


@hookspec
def tricorn_stopping(kernel: Any) -> None:
    """The server is about to stop accepting. Called in the loop by `Server.shutdown`.

    An exception is logged with its traceback and changes nothing else.
    """


@hookspec(firstresult=True)
def tricorn_config(path: str) -> Mapping[str, Any] | None:
    """Read a configuration file: option names and values, or None when it is not a file of this plugin's kind.

    Called by the command line for `--config`, before it takes the file for TOML; the values may be texts, which are
    converted. The command line and the environment have the last word. May raise
    ValueError or OSError with one line that says what is wrong with the file.
    """


@hookspec(firstresult=True)
def tricorn_tls(settings: Any) -> ssl.SSLContext | None:
    """The TLS context that the listening sockets use, or None for no opinion. Called at `Config.load`."""


# --- Bundles: the group `tricorn.bundle`, on because somebody installed them --------------------------------------


@hookspec
def tricorn_defaults() -> Mapping[str, Sequence[str]]:  # type: ignore[empty-body]
    """What takes the place of the kernel's own preferences: plugin names per kind, best first.

    Under `"plugin"` stand the side plugins that are on without being named. Called by the registry before the first
    selection. Two bundles that say different things about one kind are an error.
    """
