"""The house keeps its shape: what may import what, what is named how, what is public, and how large a module grows."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.compiler import PREFERRED
from tests.parts import BUNDLE, KERNEL, PLUGINS, ROOT, Part

AREAS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("the interfaces", ("tricorn", "tricorn.api")),
    (
        "readers and writers without state of the server",
        (
            "tricorn.chunked",
            "tricorn.closing",
            "tricorn.deflate",
            "tricorn.departures",
            "tricorn.explaining",
            "tricorn.fields",
            "tricorn.gathering",
            "tricorn.handshake",
            "tricorn.heads",
            "tricorn.environment",
            "tricorn.log_formats",
            "tricorn.logging",
            "tricorn.proxy",
            "tricorn.recall",
            "tricorn.responses",
            "tricorn.runner",
            "tricorn.scope",
            "tricorn.signals",
            "tricorn.stacks",
            "tricorn.target",
            "tricorn.tls",
            "tricorn.turn",
            "tricorn.twins",
            "tricorn.upgrades",
            "tricorn.waiting",
        ),
    ),
    (
        "the machines",
        (
            "tricorn.admission",
            "tricorn.denial",
            "tricorn.entrance",
            "tricorn.exchange",
            "tricorn.http1*",
            "tricorn.negotiation",
            "tricorn.incoming",
            "tricorn.opening",
            "tricorn.outgoing",
            "tricorn.proxy_protocol",
            "tricorn.session",
        ),
    ),
    ("what connections share", ("tricorn.kernel",)),
    (
        "the kernel's own plugins",
        (
            "tricorn.interfaces*",
            "tricorn.lifespan*",
            "tricorn.listeners*",
            "tricorn.loops",
            "tricorn.supervisors*",
        ),
    ),
    (
        "finding plugins",
        (
            "tricorn.catalogue",
            "tricorn.entries",
            "tricorn.freezing*",
            "tricorn.hookspecs",
            "tricorn.importer",
            "tricorn.options",
            "tricorn.registry",
            "tricorn.selection",
        ),
    ),
    (
        "the server",
        (
            "tricorn.accepting",
            "tricorn.acceptor",
            "tricorn.access",
            "tricorn.announce",
            "tricorn.choices",
            "tricorn.config",
            "tricorn.draining",
            "tricorn.loading",
            "tricorn.loops.*",
            "tricorn.main",
            "tricorn.measuring",
            "tricorn.middleware*",
            "tricorn.observers",
            "tricorn.protocols*",
            "tricorn.server",
            "tricorn.workers",
            "tricorn.shim",
            "tricorn.state",
            "tricorn.threads",
        ),
    ),
    ("the conformance kit", ("tricorn.testing*",)),
    (
        "the command line",
        (
            "tricorn.__main__",
            "tricorn.as_uvicorn*",
            "tricorn.checking",
            "tricorn.cli",
            "tricorn.commands",
            "tricorn.dev",
            "tricorn.devcert",
            "tricorn.effective",
            "tricorn.finding",
            "tricorn.doctor",
            "tricorn.listing",
            "tricorn.migration*",
            "tricorn.rehearsal",
            "tricorn.scaffold*",
            "tricorn.settings_file",
            "tricorn.tables",
        ),
    ),
)
"""The areas of the kernel from the ground up. A module imports from its own area and from those above it in this list.

Patterns that end in a star stand for a package and all in it. A new module gets its place here.
"""

UPWARD = {
    ("tricorn.main", "tricorn.cli"),
    ("tricorn.supervisors", "tricorn.entries"),
    ("tricorn.supervisors.process", "tricorn.server"),
}
"""Imports inside functions that go up: the facade `tricorn.main.main()` is the command line, as it is in uvicorn,
`tricorn.supervisors` gives the classes that plugins have, and a process serves the server of its configuration."""

NAMED = {("tricorn.workers", "h11")}
"""Plugins that the kernel names besides its preferences and the catalogue of what can be installed: one of uvicorn's
workers for gunicorn has it in its name."""

LIMIT = 300
"""Lines of code of a module, without docstrings, comments and blank lines."""


def modules() -> dict[str, Path]:
    """Every module of the kernel by its dotted name."""
    found = {}
    for path in KERNEL.modules():
        parts = path.relative_to(KERNEL.folder).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


MODULES = modules()


def area(module: str) -> int:
    """The place of a module's area in AREAS."""
    places = [
        place
        for place, (_, patterns) in enumerate(AREAS)
        if any(module == pattern or (pattern.endswith("*") and fnmatchcase(module, pattern)) for pattern in patterns)
    ]
    assert len(places) == 1, f"{module} has {len(places)} places in AREAS of tests/test_architecture.py instead of one"
    return places[0]


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """What a module imports, and whether it does so inside a function; what only type checkers see is left out."""

    def walk(node: ast.AST, lazy: bool) -> Iterator[tuple[str, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.Import):
                yield from ((alias.name, lazy) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path}: imports are absolute"
                for alias in child.names:
                    name = f"{child.module}.{alias.name}"
                    yield (name if name in MODULES else str(child.module)), lazy
            yield from walk(child, lazy or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))

    yield from walk(ast.parse(path.read_text()), False)


def docstrings(tree: ast.AST) -> set[int]:
    """The lines that hold strings which are statements: docstrings, those of attributes included."""
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def lines_of_code(path: Path) -> int:
    source = path.read_text()
    skipped = docstrings(ast.parse(source))
    return sum(
        1
        for number, line in enumerate(source.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#") and number not in skipped
    )


# --- imports ------------------------------------------------------------------------------------------------------


def test_imports_only_point_down() -> None:
    wrong = []
    for module, path in MODULES.items():
        for target, lazy in imports(path):
            if target not in MODULES or (lazy and (module, target) in UPWARD):
                continue
            if area(target) > area(module):
                wrong.append(f"{module} ({AREAS[area(module)][0]}) imports {target} ({AREAS[area(target)][0]})")
    assert wrong == []


def test_no_modules_import_each_other() -> None:
    graph = {
        module: {target for target, lazy in imports(path) if target in MODULES and not lazy}
        for module, path in MODULES.items()
    }
    tuple(graphlib.TopologicalSorter(graph).static_order())


def test_every_line_of_the_table_stands_for_a_module() -> None:
    patterns = [pattern for _, names in AREAS for pattern in names]
    assert [pattern for pattern in patterns if not any(fnmatchcase(name, pattern) for name in MODULES)] == []
    assert {(a, b) for a, b in UPWARD if (b, True) in set(imports(MODULES[a]))} == UPWARD


def test_what_plugins_import_needs_typing_dataclasses_and_pluggy_only() -> None:
    found = {name for name, _ in imports(MODULES["tricorn.api"])}
    assert found <= {"__future__", "collections.abc", "dataclasses", "typing", "pluggy"}


def test_only_the_registry_uses_the_plugin_manager() -> None:
    users = {name for name, path in MODULES.items() if "PluginManager" in path.read_text()}
    assert users == {"tricorn.registry"}


def test_no_kernel_module_imports_a_plugin_or_its_library() -> None:
    libraries = set().union(*(plugin.libraries for plugin in PLUGINS)) - KERNEL.libraries
    assert {"h11", "httptools", "websockets", "wsproto", "uvloop"} <= libraries
    wrong = []
    for module, path in MODULES.items():
        for target, _ in imports(path):
            top = target.partition(".")[0]
            if top.replace("_", "-") in libraries or top.startswith("tricorn_"):
                wrong.append(f"{module} imports {target}")
    assert wrong == []


def test_no_kernel_module_names_a_plugin_or_its_library_but_the_tables_for_it() -> None:
    names = {name for plugin in PLUGINS for name in (plugin.package.name, plugin.name)}
    names |= {plugin.plugin for plugin in PLUGINS if plugin.kind in ("http", "ws", "loop")}
    wrong = []
    for module, path in MODULES.items():
        if module == "tricorn.choices":  # nothing but tables, of uvicorn's names
            continue
        tree = ast.parse(path.read_text())
        skipped = docstrings(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) in (
                "PREFERENCES",
                "PUBLISHED",
                "UVICORN_NAMES",
            ):
                skipped.update(range(node.lineno, (node.end_lineno or 0) + 1))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and node.value in names and node.lineno not in skipped:
                wrong.append((module, node.value))
    assert set(wrong) == NAMED


def loaded_by(program: str) -> set[str]:
    """The modules in memory after a program has run in a process of its own."""
    program += "\nimport sys\nprint('\\n'.join(['', *sys.modules]))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    return set(done.stdout.splitlines())


def of_plugins(loaded: set[str]) -> set[str]:
    """Those of the modules that are plugins or their libraries."""
    libraries = {name.replace("-", "_") for plugin in PLUGINS for name in plugin.libraries - KERNEL.libraries}
    return {name for name in loaded if name in libraries or name.startswith("tricorn_")}


def test_listing_plugins_imports_only_what_auto_takes() -> None:
    loaded = loaded_by("from tricorn.main import main\nmain(['plugins', '--json'], standalone_mode=False)")
    assert "tricorn.listing" in loaded
    taken = {"tricorn_loop_uvloop", f"tricorn_http_{PREFERRED}", "tricorn_ws_frames"}
    tried = taken | {"tricorn_http_compiled"}
    packages = {name.partition(".")[0] for name in of_plugins(loaded) if name.startswith("tricorn_")}
    assert taken <= packages <= tried


def test_listing_plugins_imports_none_of_those_that_an_option_passes_over() -> None:
    command = ["plugins", "--json", "--http", "h11", "--ws", "none", "--loop", "asyncio"]
    loaded = loaded_by(f"from tricorn.main import main\nmain({command}, standalone_mode=False)")
    assert of_plugins(loaded) == set()


def test_importing_tricorn_imports_neither_plugins_nor_the_server() -> None:
    loaded = loaded_by("import tricorn")
    assert of_plugins(loaded) == set()
    assert {name for name in loaded if name.startswith("tricorn")} == {"tricorn"}


def test_importing_the_interfaces_brings_in_no_event_loop() -> None:
    loaded = loaded_by("import tricorn.api")
    assert "pluggy" in loaded
    assert {name for name in loaded if name.startswith("tricorn")} == {"tricorn", "tricorn.api"}
    assert not {"asyncio", "socket", "ssl", "logging"} & loaded


# --- names and versions --------------------------------------------------------------------------------------------

each_plugin = pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.folder.name)


@each_plugin
def test_a_plugins_names_follow_from_its_folder(plugin: Part) -> None:
    package = f"tricorn_{plugin.folder.name}"
    assert plugin.name == package.replace("_", "-")
    assert plugin.entries == {plugin.kind: {plugin.plugin: package}}
    assert plugin.project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == [package]


@each_plugin
def test_a_plugin_is_whole(plugin: Part) -> None:
    files = ["README.md", "LICENSE", f"{plugin.package.name}/__init__.py", f"{plugin.package.name}/py.typed"]
    assert [name for name in files if not (plugin.folder / name).is_file()] == []
    assert list(plugin.folder.glob("tests/test_*.py"))
    assert plugin.project["project"]["readme"] == "README.md"
    assert plugin.project["project"]["license"] == "MIT"
    assert (plugin.folder / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert (plugin.folder / "README.md").read_text().startswith(f"# {plugin.name}\n")


@each_plugin
def test_a_plugin_requires_the_kernel_of_its_own_version(plugin: Part) -> None:
    assert f"tricorn-kernel=={plugin.version}" in plugin.requires


def test_versions_agree_everywhere() -> None:
    source = MODULES["tricorn"].read_text()
    found = {part.name: part.version for part in (BUNDLE, KERNEL, *PLUGINS)}
    found["tricorn.__version__"] = re.findall(r'^__version__ = "(.*)"$', source, re.MULTILINE)[0]
    assert set(found.values()) == {BUNDLE.version}, found


def test_parts_run_on_the_same_pythons() -> None:
    assert {part.project["project"]["requires-python"] for part in (BUNDLE, KERNEL, *PLUGINS)} == {">=3.10"}


def test_the_workspace_names_every_part() -> None:
    sources = BUNDLE.project["tool"]["uv"]["sources"]
    assert set(sources) == {part.name for part in (BUNDLE, KERNEL, *PLUGINS)}


def test_the_bundle_knows_every_part() -> None:
    strings = re.findall(r'"(kernel|plugins/[a-z0-9_]+)"', (ROOT / "hatch_build.py").read_text())
    assert sorted(strings) == sorted(str(part.folder.relative_to(ROOT)) for part in (KERNEL, *PLUGINS))


def test_the_catalogue_knows_every_plugin() -> None:
    from tricorn.catalogue import PUBLISHED, installing

    published = {(kind, name) for kind, names in PUBLISHED.items() for name in names}
    assert published == {(plugin.kind, plugin.plugin) for plugin in PLUGINS}
    assert {installing(plugin.kind, plugin.plugin) for plugin in PLUGINS} == {f"pip install {p.name}" for p in PLUGINS}


# --- the public names ----------------------------------------------------------------------------------------------


def test_public_names_are_pinned() -> None:
    """Whoever adds a name here promises to keep it; whoever removes one breaks somebody."""
    import tricorn
    from tricorn import api, testing

    assert set(tricorn.__all__) == {
        "Config", "Server", "__version__", "install_as_uvicorn", "main", "run", "serve_in_thread",
    }  # fmt: skip
    assert set(api.__all__) == {
        "API_VERSION", "ASGIApp", "CommandProvider", "Connection", "Head", "Headers", "Http1Codec", "HttpProvider",
        "InterfaceProvider", "Kernel", "LifespanProvider", "ListenerProvider", "LogProvider", "LoopProvider",
        "Observer", "Option", "Receive", "Receiver", "Refusal", "Row", "Scope", "Send", "Stream",
        "SupervisorProvider", "Table", "TerminalProvider", "Tunnel", "Unavailable", "WsCodec", "WsProvider",
        "WsSink", "hookimpl",
    }  # fmt: skip
    assert set(testing.__all__) == {"Outcome", "Suite", "each", "needs", "run_suite", "serve"}
    for module in (tricorn, api, testing):
        assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_hooks_are_pinned() -> None:
    from tricorn import hookspecs

    assert {name for name in dir(hookspecs) if name.startswith("tricorn_")} == {
        "tricorn_app", "tricorn_command", "tricorn_config", "tricorn_defaults", "tricorn_http", "tricorn_interface",
        "tricorn_lifespan", "tricorn_listener", "tricorn_logging", "tricorn_loop", "tricorn_observer",
        "tricorn_options", "tricorn_started", "tricorn_stopping", "tricorn_supervisor", "tricorn_terminal",
        "tricorn_tls", "tricorn_ws",
    }  # fmt: skip


# --- size, documentation, conformance ------------------------------------------------------------------------------

SOURCES = [path for part in (KERNEL, *PLUGINS) for path in part.modules()]


def test_modules_stay_small() -> None:
    sizes = {str(path.relative_to(ROOT)): lines_of_code(path) for path in SOURCES}
    assert {name: size for name, size in sizes.items() if size > LIMIT} == {}


@pytest.mark.parametrize(
    ("part", "kind", "name"),
    [
        pytest.param(part, kind, name, id=f"{kind}-{name}")
        for part in (KERNEL, *PLUGINS)
        for kind, points in part.entries.items()
        for name in points
        if kind in ("http", "ws", "loop")
    ],
)
def test_a_plugins_tests_subclass_the_suite_of_its_kind(part: Part, kind: str, name: str) -> None:
    suites = []
    for path in part.folder.glob("tests/test_*.py"):
        tree = ast.parse(path.read_text())
        public = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("tricorn.testing")
            for alias in node.names
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and {ast.unparse(base) for base in node.bases} & public:
                suites += [ast.unparse(line) for line in node.body if isinstance(line, ast.Assign)]
    assert f"plugin = ({kind!r}, {name!r})" in suites
