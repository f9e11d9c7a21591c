"""`tricorn check-migration`: it finds what is uvicorn's, and what of that tricorn does not have, and runs nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tricorn.migration import findings
from tricorn.registry import Registry

REGISTRY = Registry()


def found(source: str, name: str = "main.py", *, missing: bool, tmp_path: Path) -> list[str]:
    path = tmp_path / name
    path.write_text(source)
    return [f"{it.line}: {it.text}" for it in findings(path, REGISTRY) if it.missing is missing]


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("import uvicorn\n", ["1: becomes import tricorn as uvicorn."]),
        ("import os\nimport uvicorn.config as c\n", ["2: becomes import tricorn.config."]),
        ("from uvicorn import Config, Server\n", ["1: becomes from tricorn import."]),
        ("def f():\n    from uvicorn.main import run\n", ["2: becomes from tricorn.main import."]),
        ('worker_class = "uvicorn.workers.UvicornH11Worker"\n', [
            "1: uvicorn.workers.UvicornH11Worker becomes tricorn.workers.TricornH11Worker."]),
        ('run([executable, "-m", "uvicorn", "main:app", "--port", str(1)])\n',
            ["1: the command uvicorn becomes tricorn."]),
        ('"""Run it with uvicorn main:app."""\n', []),
        ('logging.getLogger("uvicorn.access")\n', []),
        ("from .uvicorn import Nothing\n", []),
        ("this is no Python, but for uvicorn\n", []),
    ],
)  # fmt: skip
def test_what_changes_by_one_word(source: str, lines: list[str], tmp_path: Path) -> None:
    assert found(source, missing=False, tmp_path=tmp_path) == lines
    assert found(source, missing=True, tmp_path=tmp_path) == []


IMPORT = "import uvicorn\nfrom uvicorn.protocols.http.h11_impl import H11Protocol\n"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("uvicorn.nothing", "3: uvicorn.nothing: tricorn has none."),
        ("from uvicorn.config import is_dir", "3: uvicorn.config.is_dir: tricorn has none."),
        ("import uvicorn.loops.zuvloop", "3: uvicorn.loops.zuvloop: tricorn has none."),
        (
            "from uvicorn.protocols.http.h11_impl import RequestResponseCycle",
            "tricorn has no RequestRes",
        ),
        ("class Mine(H11Protocol): ...", "3: H11Protocol cannot be subclassed in tricorn"),
        ("uvicorn.run('a:b', frobnicate=1)", "3: uvicorn.run(frobnicate=...): tricorn has no such keyword."),
        ("uvicorn.Config('a:b', http='zttp')", "3: No http plugin 'zttp'."),
        ("config.setup_event_loop()", "3: Config.setup_event_loop is gone, as in uvicorn 0.36"),
        ("os.system('uvicorn a:b --frobnicate')", "3: --frobnicate: tricorn has no such option."),
    ],
)
def test_what_has_no_counterpart(source: str, text: str, tmp_path: Path) -> None:
    (line,) = found(f"{IMPORT}{source}\n", missing=True, tmp_path=tmp_path)
    assert text in line


@pytest.mark.parametrize(
    "source",
    [
        "uvicorn.run('a:b', app_dir='.', http='h11', ws='websockets-sansio', loop='none', lifespan='off', port=1)",
        "class Mine(uvicorn.Server):\n    def install_signal_handlers(self): ...",
        "uvicorn.main.Server.handle_exit = uvicorn.config.STARTUP_FAILURE",
        "options = {}\nuvicorn.Config(**options)",
        "run(['uvicorn', 'a:b', '--no-access-log', '--ws', 'none', *more])",
    ],
)
def test_what_works_as_it_stands(source: str, tmp_path: Path) -> None:
    assert found(f"{IMPORT}{source}\n", missing=True, tmp_path=tmp_path) == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("Dockerfile", 'FROM python\nCMD ["uvicorn", "a:b", \\\n     "--loop=zuvloop"]\n'),
        ("Procfile", "# uvicorn a:b --loop none\nweb: uvicorn a:b --port $PORT --loop zuvloop\n"),
        ("app.service", "[Service]\nExecStart=/srv/bin/uvicorn --loop zuvloop a:b\n"),
    ],
)
def test_commands_in_other_files(name: str, source: str, tmp_path: Path) -> None:
    assert found(source, name, missing=False, tmp_path=tmp_path) == ["2: the command uvicorn becomes tricorn."]
    (line,) = found(source, name, missing=True, tmp_path=tmp_path)
    assert line.startswith("2: No loop plugin 'zuvloop'")


def test_a_requirement_is_no_command(tmp_path: Path) -> None:
    assert found('uvicorn = "^0.30"\n"uvicorn[standard]>=0.30"\n', "x.toml", missing=False, tmp_path=tmp_path) == []


def test_the_command_looks_through_directories_and_ends_with_1_for_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "main.py").write_text("raise SystemExit(7)\nimport uvicorn\nuvicorn.nothing\n")
    for place in (".hidden", "node_modules", "env"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "other.py").write_text("import uvicorn\n")
    (tmp_path / "env" / "pyvenv.cfg").touch()
    (tmp_path / "data.bin").write_bytes(b"uvicorn\xff")

    def check(*files: str) -> tuple[int, list[str]]:
        command = [sys.executable, "-m", "tricorn", "check-migration", *files]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert done.stderr == ""
        return done.returncode, done.stdout.splitlines()

    assert check() == (1, [
        "pkg/main.py:2: becomes import tricorn as uvicorn.",
        "pkg/main.py:3: uvicorn.nothing: tricorn has none.",
        "1 without a counterpart in tricorn.",
    ])  # fmt: skip
    assert check("env/other.py")[0] == 0
