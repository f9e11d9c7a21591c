"""Build a release: a wheel and a source distribution of the bundle, the kernel and every plugin, with pinned versions.

    python scripts/build_release.py OUT [--no-isolation]

Needs the package `build`. With --no-isolation the build backend comes from this environment instead of the index.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def parts() -> list[Path]:
    """The folder of every distribution, the bundle first."""
    return [ROOT, ROOT / "kernel", *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))]


def build(part: Path, out: Path, isolation: bool) -> None:
    """Build one distribution; the wheel is made from the source distribution, so that neither lacks a file.

    Raises CalledProcessError when the build fails; its output has been shown.
    """
    command = [sys.executable, "-m", "build", "--outdir", str(out), *([] if isolation else ["--no-isolation"])]
    # Told to hatch_build.py: this is no checkout to be installed from, the parts come from the index.
    subprocess.run([*command, str(part)], check=True, env={**os.environ, "TRICORN_RELEASE": "1"})


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path, help="the directory to put the distributions in")
    parser.add_argument("--no-isolation", action="store_true", help="use the build backend of this environment")
    options = parser.parse_args()
    for part in parts():
        try:
            build(part, options.out, not options.no_isolation)
        except subprocess.CalledProcessError as error:
            print(f"error: building {part} failed with status {error.returncode}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
