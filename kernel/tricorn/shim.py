"""Programs that import uvicorn, on tricorn: `tricorn exec -- COMMAND`, and `tricorn.install_as_uvicorn()`.

Every module `uvicorn.x` becomes the module `tricorn.x` itself, not a copy: a class patched under one name is patched
under both, and objects pickle by the name of their home. Nothing is installed: the finder lives in the process, and
`tricorn exec` puts a directory first on PYTHONPATH whose only package, `uvicorn`, installs it.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import tricorn

if TYPE_CHECKING:
    import click

    from tricorn.registry import Registry

__all__ = ["exec_command", "install", "install_as_uvicorn"]

VERSION = "0.54.0"
"""The version of uvicorn whose interface tricorn has: programs compare it."""

DIRECTORY = Path(__file__).parent / "as_uvicorn"
"""What `tricorn exec` puts on the path."""

MODULES = (
    "config",
    "importer",
    "lifespan",
    "lifespan.off",
    "lifespan.on",
    "logging",
    "loops",
    "loops.asyncio",
    "loops.auto",
    "loops.uvloop",
    "main",
    "middleware",
    "middleware.asgi2",
    "middleware.message_logger",
    "middleware.proxy_headers",
    "middleware.wsgi",
    "protocols",
    "protocols.http",
    "protocols.http.auto",
    "protocols.http.flow_control",
    "protocols.http.h11_impl",
    "protocols.http.httptools_impl",
    "protocols.utils",
    "protocols.websockets",
    "protocols.websockets.auto",
    "protocols.websockets.websockets_impl",
    "protocols.websockets.websockets_sansio_impl",
    "protocols.websockets.wsproto_impl",
    "server",
    "supervisors",
    "supervisors.basereload",
    "supervisors.multiprocess",
    "supervisors.statreload",
    "supervisors.watchfilesreload",
    "workers",
)
"""Modules of uvicorn that tricorn has under the same name."""


class Finder(MetaPathFinder, Loader):
    """Finds `uvicorn.x`, and loads it by importing what stands for it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module of the facade; Python's own words for what does not exist."""
        package, _, name = fullname.partition(".")
        if package == "uvicorn" and name in MODULES:
            return ModuleSpec(fullname, self)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module of tricorn, which keeps the name and the spec that it has."""
        module = import_module("tricorn." + spec.name.partition(".")[2])
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run: the module has been imported. The import system has given it another spec; undo that."""
        module.__spec__ = self._spec


class Facade(ModuleType):
    """The package `uvicorn`: what it has, `tricorn` has."""

    __version__ = VERSION
    __path__: list[str]

    def __getattr__(self, name: str) -> Any:
        if name in tricorn.__all__ or name == "main":
            return getattr(tricorn, name)
        raise AttributeError(f"module 'uvicorn' has no attribute {name!r} (tricorn stands for it)")


def install() -> None:
    """Let this process import tricorn for uvicorn, with uvicorn's logger names."""
    from tricorn import twins
    from tricorn.logging import LOGGING_CONFIG

    sys.meta_path.insert(0, Finder())
    facade = Facade("uvicorn", "tricorn, in the place of uvicorn.")
    facade.__path__ = [str(DIRECTORY / "uvicorn")]
    facade.__file__ = str(DIRECTORY / "uvicorn" / "__init__.py")
    facade.__spec__ = ModuleSpec("uvicorn", None, is_package=True)
    sys.modules["uvicorn"] = facade
    tricorn.as_uvicorn = True
    twins.share()
    for theirs, ours in twins.PAIRS.items():
        logging.getLogger(ours).name = theirs
    loggers = LOGGING_CONFIG["loggers"]
    for theirs, ours in twins.PAIRS.items():
        if ours in loggers:
            loggers[theirs] = loggers.pop(ours)
    # Who waits for an import of these (tracers do) waits for it by uvicorn's names.
    for name in ("config", "server", "main"):
        import_module("uvicorn." + name)


def install_as_uvicorn() -> None:
    """Let `import uvicorn` give tricorn, from now on in this process. Raises RuntimeError after an import of it."""
    present = sys.modules.get("uvicorn")
    if isinstance(present, Facade):
        return
    if present is not None:
        raise RuntimeError("uvicorn has been imported already: call tricorn.install_as_uvicorn() before that.")
    install()


def exec_command(arguments: Sequence[str], registry: Registry) -> click.Command:
    """The command `tricorn exec`."""
    import click

    command = click.Command("exec", callback=run_command)
    command.help = "Run COMMAND, a program that imports uvicorn, on tricorn: tricorn exec -- COMMAND [ARGUMENTS]."
    command.context_settings = {"ignore_unknown_options": True, "allow_interspersed_args": False}
    command.params = [click.Argument(["command"], nargs=-1, required=True, type=click.UNPROCESSED)]
    return command


def run_command(command: tuple[str, ...]) -> None:
    """Replace this process by the command's. Exits with status 127 when there is no such program."""
    program = shutil.which(command[0])
    if program is None:
        print(f"ERROR:    There is no program {command[0]!r}.", file=sys.stderr)
        sys.exit(127)
    paths = [str(DIRECTORY), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    sys.stdout.flush()
    if sys.platform == "win32":  # where a new process would not take this one's place
        import subprocess

        sys.exit(subprocess.run([program, *command[1:]], env=environment, check=False).returncode)
    os.execve(program, command, environment)
