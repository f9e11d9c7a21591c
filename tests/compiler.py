"""Whether the plugin that is compiled can be here: where there is no C compiler the tests do without it, and say so."""

from __future__ import annotations

import os
import shlex
import subprocess
import sysconfig
from importlib.util import find_spec
from pathlib import Path


def compiles() -> bool:
    """Whether C can be compiled for this Python, which takes its headers too."""
    command = os.environ.get("CC") or sysconfig.get_config_var("CC")
    if not command:
        return os.name == "nt"
    try:
        tried = subprocess.run([shlex.split(command)[0], "--version"], capture_output=True)
    except OSError:
        return False
    return tried.returncode == 0 and Path(sysconfig.get_path("include"), "Python.h").exists()


def compiled() -> bool:
    """Whether the plugin has its module, or ought to: one that is there and refused is no excuse."""
    package = find_spec("tricorn_http_compiled")
    folders = (package and package.submodule_search_locations) or ()
    return any(next(Path(folder).glob("machine.*.*"), None) for folder in folders) or compiles()


COMPILED = compiled()

PREFERRED = "compiled" if COMPILED else "httptools"
"""What `--http auto` takes here."""
