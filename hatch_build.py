"""What the bundle `tricorn` requires: the folders beside it in a checkout, pinned versions in a release.

Static pins would make `pip install .` fail before anything has been published; static paths would make a published
wheel useless. A hatchling metadata hook runs at every build and sees which of the two it is.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

BASE = ("kernel", "plugins/http_h11", "plugins/ws_wsproto", "plugins/supervisor_workers")
"""Pure Python, so that the bundle works on every interpreter and platform."""

STANDARD = (
    "plugins/http_httptools",
    "plugins/ws_frames",
    "plugins/ws_websockets",
    "plugins/loop_uvloop",
    "plugins/supervisor_reload",
    "plugins/plugin_blocked",
    "plugins/plugin_cors",
    "plugins/plugin_refresh",
    "plugins/terminal_rich",
)
"""The fast set, and what development is more pleasant with."""

FURTHER = {
    "bench": "plugins/command_bench",
    "compiled": "plugins/http_compiled",
    "http2": "plugins/http_h2",
    "json": "plugins/logging_json",
    "metrics": "plugins/plugin_metrics",
    "sd-notify": "plugins/plugin_systemd",
    "socket-activation": "plugins/listener_systemd",
    "wsgi": "plugins/interface_wsgi",
}
"""Everything else: an extra for each, and all of them in the extra `all`."""

STANDARD_LIBRARIES = ("python-dotenv>=1.0", "pyyaml>=6.0")
"""What the kernel takes when it is there: files for `--env-file`, YAML for `--log-config`."""

TEST = (
    "build>=1.2",
    "channels>=4.1",
    "cython>=3.1",
    "django>=4.2",
    "editables>=0.3",
    "fastapi>=0.115",
    "fastapi-cli>=0.0.8",
    "filelock>=3.12",
    "flask>=3.0",
    "gradio>=6.0",
    "gunicorn>=25.0; sys_platform != 'win32'",
    "h11>=0.16",
    "hatchling>=1.26",
    "httpx[http2]>=0.27",
    "hyperframe>=6.0",
    "hypothesis>=6.100",
    "litestar>=2.12",
    "matplotlib>=3.7",
    "mcp>=2.0",
    "mypy>=1.13",
    "pip>=22.3",
    "pytest>=8.0",
    "pytest-asyncio>=1.0",
    "pytest-xdist>=3.6",
    "python-multipart>=0.0.12",
    "python-socketio[client]>=5.11",
    "quart>=0.19",
    "ruff~=0.17.6",
    "setuptools>=77",
    "sse-starlette>=2.1",
    "starlette>=0.41",
    "trustme>=1.1",
    "tomli>=2.0; python_version < '3.11'",
    "uvicorn~=0.54.0",
    "websockets>=13.0",
    "zensical>=0.0.60",
)
"""What the tests and the checks of `.ci/run` use besides the parts themselves."""


class BundleRequirements(MetadataHookInterface):
    """Fills in `dependencies` and `optional-dependencies`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Called by hatchling with the static part of the metadata, which it completes."""
        standard = [*self.requirements(STANDARD, metadata), *STANDARD_LIBRARIES]
        further = {extra: self.requirements((part,), metadata) for extra, part in FURTHER.items()}
        everything = [*standard, *(requirement for extra in further.values() for requirement in extra)]
        metadata["dependencies"] = self.requirements(BASE, metadata)
        metadata["optional-dependencies"] = {
            "standard": standard,
            **further,
            "all": everything,
            "test": [*everything, *TEST],
        }

    def requirements(self, parts: tuple[str, ...], metadata: dict[str, Any]) -> list[str]:
        """The parts as requirements. Versions move in lockstep, so the bundle's own is that of every part."""
        found = []
        for part in parts:
            folder = Path(self.root, part)
            name = "tricorn-" + folder.name.replace("_", "-")
            if folder.is_dir() and not os.environ.get("TRICORN_RELEASE"):
                found.append(f"{name} @ {folder.as_uri()}")
            else:
                found.append(f"{name}=={metadata['version']}")
        return found
