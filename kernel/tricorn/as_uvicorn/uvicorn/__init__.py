"""Stands for uvicorn where this directory is first on the path (`tricorn exec`): the import gives tricorn.

Python takes from `sys.modules` what an import has left there, and that is the module that `install` makes.
"""

from __future__ import annotations

import sys

try:
    from tricorn.shim import install
except ImportError as error:
    raise ImportError(
        f"This program was started by `tricorn exec`, but {sys.executable} has no tricorn: install it there."
    ) from error

install()
