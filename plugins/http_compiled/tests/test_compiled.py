"""What serves is compiled, and from the kernel's sources as they are."""

from __future__ import annotations

import shutil
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

import tricorn_http_compiled
from tricorn.testing.calls import Calls
from tricorn.testing.memory_server import memory_server, run_in_memory
from tricorn_http_compiled import machine

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def compiling() -> ModuleType:
    """The build hook, which is no part of the package."""
    spec = spec_from_file_location("compiling", ROOT / "compiling.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_module_is_compiled() -> None:
    assert str(machine.__file__).endswith(tuple(EXTENSION_SUFFIXES))
    assert not isinstance(vars(machine.Http1Connection)["data_received"], FunctionType)


def test_it_is_made_from_the_kernels_sources_as_they_are(compiling: ModuleType) -> None:
    assert compiling.digest(ROOT) == machine.SOURCES, "compile it again: pip install --no-deps -e plugins/http_compiled"


def test_every_slot_has_its_type(compiling: ModuleType, tmp_path: Path) -> None:
    assert compiling.undeclared(ROOT) == set()
    (tmp_path / "kernel").symlink_to(compiling.sources(ROOT))
    (tmp_path / compiling.PACKAGE).mkdir()
    types = (ROOT / compiling.PACKAGE / "machine.pxd").read_text("utf-8")
    (tmp_path / compiling.PACKAGE / "machine.pxd").write_text(types.replace("bint _blank", "bint _black"), "utf-8")
    assert compiling.undeclared(tmp_path) == {"Http1Connection._blank"}


def copied(compiling: ModuleType, root: Path, module: str, old: str, new: str) -> Path:
    """A folder of the plugin with sources of the kernel in which one module is another."""
    (root / "kernel").mkdir()
    for name in ("__init__", *compiling.MODULES):
        source = (compiling.sources(ROOT) / f"{name}.py").read_text("utf-8")
        if name == module:
            assert old in source
            source = source.replace(old, new)
        (root / "kernel" / f"{name}.py").write_text(source, "utf-8")
    (root / compiling.PACKAGE).symlink_to(ROOT / compiling.PACKAGE)
    return root


def test_names_with_two_meanings_are_not_joined(compiling: ModuleType, tmp_path: Path) -> None:
    root = copied(compiling, tmp_path, "http1", "\nLAST_REQUEST_TIME", "\nBODY_LIMIT = 1\nLAST_REQUEST_TIME")
    with pytest.raises(ValueError, match="http1.py gives BODY_LIMIT another meaning"):
        compiling.join(root)


def test_a_call_that_is_to_be_replaced_must_be_there(compiling: ModuleType, tmp_path: Path) -> None:
    root = copied(compiling, tmp_path, "http1", "all(headers)", "None not in headers")
    with pytest.raises(ValueError, match=r"not in the sources any more: all\(headers\)"):
        compiling.join(root)


def test_send_may_wait_at_its_end_only(compiling: ModuleType, tmp_path: Path) -> None:
    root = copied(compiling, tmp_path, "exchange", "await blocked\n", "await blocked; self._wake()\n")
    with pytest.raises(ValueError, match="send awaits something before its end"):
        compiling.join(root)


def test_it_is_compiled_again_only_when_its_sources_have_changed(
    compiling: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(compiling.sources(ROOT), tmp_path / "kernel")
    shutil.copytree(ROOT / compiling.PACKAGE, tmp_path / compiling.PACKAGE)
    compiled = []

    def build(root: Path, out: Path) -> Path:
        compiled.append(compiling.digest(root))
        return Path(shutil.copy(machine.__file__, out))

    monkeypatch.setattr(compiling, "build", build)
    first = compiling.kept(tmp_path)
    assert first.read_bytes() == Path(machine.__file__).read_bytes()
    assert compiling.kept(tmp_path) == first
    for changed in ("http1", "__init__"):
        before = compiling.kept(tmp_path)
        source = tmp_path / "kernel" / f"{changed}.py"
        source.write_text(source.read_text("utf-8").replace('__version__ = "', '__version__ = "9') + "MORE = 1\n")
        assert compiling.kept(tmp_path) != before
        assert not before.exists()
    assert len(set(compiled)) == len(compiled) == 3


def test_the_connections_of_a_kernel_share_what_they_know_of_it_and_no_others() -> None:
    async def check() -> None:
        provider = tricorn_http_compiled.tricorn_http()
        async with memory_server(Calls().app, provider) as one, memory_server(Calls().app, provider) as other:
            for server in (one, one, other):
                server.connect(lambda data: None, lambda aborted: None)
            known = [vars(server.kernel)[tricorn_http_compiled.__name__] for server in (one, other)]
            assert known[0] is not known[1]
            assert [shared.persistent for shared in known] == [True, True]
            one.kernel.drain()
            assert [shared.persistent for shared in known] == [False, True]

    run_in_memory(check())
