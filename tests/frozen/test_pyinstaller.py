"""An application that PyInstaller has frozen with its server: needs the package pyinstaller, and takes minutes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.compiler import PREFERRED
from tests.stumbling.project import APP

PROGRAM = """
import sys, urllib.request
import tricorn
from main import app

with tricorn.serve_in_thread(app) as server:
    text = urllib.request.urlopen(server.url, timeout=30).read().decode()
    chosen = " ".join(str(plugin) for plugin in server.config.selected["http"] + server.config.selected["ws"])
print(sys.frozen, text, chosen)
"""
PATIENCE = 1200.0


def test_a_frozen_application_finds_its_plugins(tmp_path: Path) -> None:
    """Without a hidden import on the command line: the hook is found by the entry point of the kernel."""
    (tmp_path / "main.py").write_text(APP)
    (tmp_path / "program.py").write_text(PROGRAM)
    arguments = ("-m", "PyInstaller", "--noconfirm", "--log-level", "WARN", "program.py")
    subprocess.run([sys.executable, *arguments], cwd=tmp_path, check=True, timeout=PATIENCE)
    program = tmp_path / "dist" / "program" / "program"
    done = subprocess.run([program], cwd="/", capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert f"True http {PREFERRED} " in done.stdout, done.stdout
