"""`run()`: what a program calls to serve an application, and what uvicorn's module of this name has."""

from __future__ import annotations

import inspect
import logging
import sys
from types import ModuleType
from typing import Any

from tricorn.config import LOG_LEVELS, LOGGING_CONFIG, STARTUP_FAILURE, Config, fail
from tricorn.options import OPTIONS, keywords
from tricorn.registry import PluginError
from tricorn.server import Server

__all__ = ["LEVEL_CHOICES", "LOGGING_CONFIG", "LOG_LEVELS", "STARTUP_FAILURE", "Config", "Server", "main", "run"]

LEVEL_CHOICES = tuple(LOG_LEVELS)


def run(app: Any, *, app_dir: str | None = None, **options: Any) -> None:
    """Serve an application until the process is told to stop.

    app: an application, or where to import it from (`module:attribute`). app_dir: put first on the path that it is
    imported from. options: as for `Config`. Exits with status 3 when the server cannot start. Returns after Ctrl-C;
    SIGTERM ends the process once everything has been shut down.
    """
    if app_dir is not None:
        sys.path.insert(0, app_dir)
    try:
        config = Config(app, **options)
        server = Server(config)
        server.dedicated = True
        try:
            supervisor = config.registry.named("supervisor", config._choice("supervisor"))
        except PluginError as error:
            fail(str(error))
        status = supervisor.provider.run(server)
    except KeyboardInterrupt:
        status = 0
    finally:
        logging.getLogger("tricorn.error").debug("run() ends")
    if status:
        sys.exit(status)


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


class _Callable(ModuleType):
    """Lets `tricorn.main` be the module (`tricorn.main.Server`) and the command (`tricorn.main()`).

    In uvicorn the same name means the one or the other, depending on what was imported first.
    """

    def __call__(self, args: list[str] | None = None, **extra: Any) -> None:
        main(args, **extra)


sys.modules[__name__].__class__ = _Callable
