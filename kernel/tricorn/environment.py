"""What the environment says: the variables that uvicorn reads by their own names, and files of variables."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib import import_module
from typing import Any

TRUSTED = "127.0.0.1,::1"
"""The peers whose proxy headers count where nothing else is said."""


PRIVATE = "127.0.0.1,::1,unix,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7"
"""Those that count with `--behind-proxy`: this machine, UNIX sockets, and the private networks (RFC 1918, RFC 4193)."""


class EnvironmentVariableError(Exception):
    """A variable or a file of variables cannot be used: one line for the user."""


def load_env_file(path: Any) -> None:
    """Set the variables of a file, but none that is set already.

    Raises EnvironmentVariableError when the file or the package that reads it is missing.
    """
    path = os.fspath(path)
    try:
        dotenv: Any = import_module("dotenv")
    except ImportError as error:
        raise EnvironmentVariableError(
            "--env-file needs the package python-dotenv: pip install python-dotenv."
        ) from error
    if not os.path.exists(path):
        raise EnvironmentVariableError(f"There is no environment file {path!r} (--env-file).")
    dotenv.load_dotenv(dotenv_path=path)


def workers() -> int:
    """How many processes `WEB_CONCURRENCY` asks for; 1 without it. Raises EnvironmentVariableError for no number."""
    text = os.environ.get("WEB_CONCURRENCY", "") or "1"
    try:
        return int(text) or 1
    except ValueError:
        raise EnvironmentVariableError(f"WEB_CONCURRENCY is {text!r}, which is no number of workers.") from None


def trusted_peers(behind_proxy: bool) -> str:
    """The peers that `FORWARDED_ALLOW_IPS` trusts, or those that are trusted by default."""
    return os.environ.get("FORWARDED_ALLOW_IPS", PRIVATE if behind_proxy else TRUSTED)


def uvicorn_name(option: str) -> str:
    """uvicorn's variable for an option."""
    return "UVICORN_" + option.upper()


def adopted(options: Iterable[str]) -> list[str]:
    """Those of uvicorn's variables that count: they are set, and ours are not."""
    ours = {option: "TRICORN_" + option.upper() for option in options}
    return [uvicorn_name(o) for o in ours if os.environ.get(uvicorn_name(o)) and not os.environ.get(ours[o])]
