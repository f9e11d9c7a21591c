"""`run()`: what a program calls to serve an application, and what uvicorn's module of this name has."""

from __future__ import annotations

import inspect
import logging
import os
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from tricorn import selection
from tricorn.choices import HTTP_PROTOCOLS, INTERFACES, LIFESPAN, LOOP_FACTORIES, WS_PROTOCOLS
from tricorn.config import LOG_LEVELS, LOGGING_CONFIG, SSL_PROTOCOL_VERSION, STARTUP_FAILURE, Config, fail
from tricorn.options import OPTIONS, keywords
from tricorn.registry import PluginError
from tricorn.runner import refuse_running_loop
from tricorn.server import Server

__all__ = [
    "INTERFACES",
    "LIFESPAN",
    "LOGGING_CONFIG",
    "LOG_LEVELS",
    "SSL_PROTOCOL_VERSION",
    "STARTUP_FAILURE",
    "Config",
    "Server",
    "main",
    "run",
]

logger = logging.getLogger("tricorn.error")


def run(app: Any, *, app_dir: str | None = None, **options: Any) -> None:
    """Serve an application until the process is told to stop.

    app: an application, or where to import it from (`module:attribute`). app_dir: put first on the path that it is
    imported from. options: as for `Config`. Exits with status 3 when the server cannot start. Returns after Ctrl-C;
    SIGTERM and SIGHUP end the process once everything has been shut down.
    """
    refuse_running_loop("tricorn.run()")
    if app_dir is not None:
        sys.path.insert(0, app_dir)
    try:
        config = Config(_importable(app) if options.get("reload") else app, **options)
        if config.use_subprocess:
            config.app = _importable(config.app)
            if not isinstance(config.app, str):
                text = "You must pass the application as an import string to enable 'reload' or 'workers'."
                logger.warning("%s It has no name in the main file: run('module:attribute', ...).", text)
                sys.exit(STARTUP_FAILURE)
        if config.should_reload and config.workers > 1:
            logger.warning('"workers" flag is ignored when reloading is enabled.')
        config.dedicated = True
        server = Server(config)
        try:
            supervisor = selection.supervisor(config)
        except PluginError as error:
            fail(str(error))
        status = supervisor.provider.run(server)
    except KeyboardInterrupt:
        status = 0
    if status:
        sys.exit(status)


def _importable(app: Any) -> Any:
    """What another process imports the application by, or the application itself where the main file names none."""
    program = sys.modules["__main__"]
    path, spec = getattr(program, "__file__", None), getattr(program, "__spec__", None)
    names = [name for name, value in vars(program).items() if value is app and not name.startswith("_")]
    if isinstance(app, str) or not path or not names:
        return app
    module = spec.name if spec is not None else os.path.splitext(os.path.basename(path))[0]
    return f"{module}:{names[0]}"


_KEYWORD = inspect.Parameter.KEYWORD_ONLY
run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [
        inspect.Parameter("app", inspect.Parameter.POSITIONAL_OR_KEYWORD),
        *(parameter.replace(kind=_KEYWORD) for parameter in keywords(OPTIONS)),
    ]
)


def main(args: list[str] | None = None, **extra: Any) -> None:
    """The command line; `args` are its arguments, by default the process's own."""
    from tricorn.cli import main as command

    command(args, **extra)


_CHOICES = {
    "HTTP_CHOICES": HTTP_PROTOCOLS,
    "INTERFACE_CHOICES": INTERFACES,
    "LEVEL_CHOICES": LOG_LEVELS,
    "LIFESPAN_CHOICES": LIFESPAN,
    "LOOP_CHOICES": LOOP_FACTORIES,
    "WS_CHOICES": WS_PROTOCOLS,
}


def __getattr__(name: str) -> Any:
    # Only programs with a command line of their own want these, and click takes its time to import.
    if name in _CHOICES:
        import click

        return click.Choice(list(_CHOICES[name]))
    if name in ("name", "params"):
        from tricorn.cli import serve_command

        return getattr(serve_command([]), name)
    if name == "print_version":
        from tricorn.cli import print_version

        return print_version
    if name in ("ChangeReload", "Multiprocess"):
        return getattr(import_module("tricorn.supervisors"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _Callable(ModuleType):
    """Lets `tricorn.main` be the module (`tricorn.main.Server`) and the command (`tricorn.main()`).

    In uvicorn the same name means the one or the other, depending on what was imported first.
    """

    def __call__(self, args: list[str] | None = None, **extra: Any) -> None:
        main(args, **extra)


sys.modules[__name__].__class__ = _Callable
