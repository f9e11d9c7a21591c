"""Build a release: a wheel and a source distribution of the bundle, the kernel and every plugin, with pinned versions.

    python scripts/build_release.py OUT [--no-isolation]

Needs the package `build`. With --no-isolation the build backend comes from this environment instead of the index.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def parts() -> list[Path]:
    """The folder of every distribution, the bundle first."""
    return [ROOT, ROOT / "kernel", *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))]


def build(part: Path, out: Path, isolation: bool) -> subprocess.CompletedProcess[str]:
    """Build one distribution; the wheel is made from the source distribution, so that neither lacks a file."""
    command = [sys.executable, "-m", "build", "--outdir", str(out), *([] if isolation else ["--no-isolation"])]
    # Told to hatch_build.py: this is no checkout to be installed from, the parts come from the index.
    environment = {**os.environ, "TRICORN_RELEASE": "1"}
    return subprocess.run(
        [*command, str(part)], check=False, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path, help="the directory to put the distributions in")
    parser.add_argument("--no-isolation", action="store_true", help="use the build backend of this environment")
    options = parser.parse_args()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        building = [(part, pool.submit(build, part, options.out, not options.no_isolation)) for part in parts()]
        for part, future in building:
            done = future.result()
            print(done.stdout, end="", flush=True)
            if done.returncode:
                pool.shutdown(cancel_futures=True)
                print(f"error: building {part} failed with status {done.returncode}", file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
