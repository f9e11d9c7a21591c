"""Makes the module of this plugin: the kernel's HTTP/1 sources joined into one, and compiled by Cython.

One module, because calls and names within one are C's. Types come from `tricorn_http_compiled/machine.pxd`; the sources
stay as they are, but for what an extension type cannot have: `__slots__`, annotations and bases of Python.

A hatchling build hook. A source distribution takes the kernel's sources along; a wheel is compiled from those, or in a
checkout from the folder of the kernel. Where nothing can be compiled the wheel lacks the module, and the plugin is
unavailable; only a release has to have it.
"""

from __future__ import annotations

import ast
import hashlib
import os
import platform
import re
import shutil
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "tricorn_http_compiled"
MODULES: dict[str, set[str] | None] = {
    "api": {"Head"},
    **dict.fromkeys(("target", "fields", "responses", "scope", "gathering", "chunked", "heads", "recall")),
    **dict.fromkeys(("exchange", "opening", "http1_stream", "http1")),
}
"""Modules of the kernel in the order of their imports, and what is taken of them if not all."""

OWN = ("shared.py", "machine.pxd")
"""What this plugin adds: a class, and the types of all."""

DIRECTIVES = {"language_level": 3, "annotation_typing": False, "boundscheck": False, "initializedcheck": False}


def sources(root: Path) -> Path:
    """The folder of the kernel's sources: their copy in a source distribution, or the one beside it in a checkout."""
    copied = root / "kernel"
    return copied if copied.is_dir() else root.parents[1] / "kernel" / "tricorn"


def version(folder: Path) -> str:
    """The version of the kernel whose sources these are."""
    return next(
        str(ast.literal_eval(node.value))
        for node in ast.parse((folder / "__init__.py").read_text("utf-8")).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__"
    )


def digest(root: Path) -> str:
    """What tells whether a compiled module is made from the sources as they are now."""
    kernel = [sources(root) / f"{name}.py" for name in MODULES]
    files = [*kernel, *(root / PACKAGE / name for name in OWN), Path(__file__)]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


class _Untyped(ast.NodeTransformer):
    """Takes from a class what an extension type cannot have."""

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.bases = [base for base in node.bases if isinstance(base, ast.Name)]
        body: list[ast.stmt] = []
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign):
                if statement.value is not None:
                    body.append(ast.Assign([statement.target], statement.value, lineno=statement.lineno))
            elif not (isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__slots__"):
                body.append(statement)
        node.body = body
        return node


def _names(statement: ast.stmt) -> set[str]:
    """What a statement of a module defines in it."""
    if isinstance(statement, ast.ClassDef | ast.FunctionDef):
        return {statement.name}
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}


def join(root: Path) -> str:
    """The source of the module. Raises ValueError when two of the kernel's modules give one name two meanings."""
    folder = sources(root)
    files = [(folder / f"{module}.py", wanted) for module, wanted in MODULES.items()]
    imports: list[str] = []
    body: list[ast.stmt] = []
    defined: dict[str, str] = {}
    for path, wanted in [*files, (root / PACKAGE / OWN[0], None)]:
        for statement in ast.parse(path.read_text("utf-8")).body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                imports += _imports(statement)
                continue
            names = _names(statement) - {"__all__"}
            if not names or (wanted is not None and not names & wanted):
                continue
            text = ast.unparse(_Untyped().visit(statement))
            for name in names:
                if defined.setdefault(name, text) != text:
                    raise ValueError(f"{path.name} gives {name} another meaning")
            body.append(statement)
    body += ast.parse(f"KERNEL = {version(folder)!r}\nSOURCES = {digest(root)!r}").body
    lines = ["from __future__ import annotations", *imports]
    return "\n".join([*lines, ast.unparse(ast.Module(body, []))]) + "\n"


def undeclared(root: Path) -> set[str]:
    """The slots of the kernel's classes that the types lack: an extension type would have no place for them."""
    classes = (root / PACKAGE / OWN[1]).read_text("utf-8").split("\ncdef class ")[1:]
    declared = {re.findall(r"\w+", text)[0]: set(re.findall(r"\w+", text)) for text in classes}
    found = set()
    for module in MODULES:
        for node in ast.walk(ast.parse((sources(root) / f"{module}.py").read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name in declared:
                for statement in node.body:
                    if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__slots__":
                        slots = set(ast.literal_eval(statement.value))
                        found |= {f"{node.name}.{name}" for name in slots - declared[node.name]}
    return found


def _imports(statement: ast.Import | ast.ImportFrom) -> list[str]:
    """The import as it is needed: what is joined is not imported."""
    if isinstance(statement, ast.ImportFrom):
        package, _, module = str(statement.module).partition(".")
        taken = MODULES.get(module, set()) if package == "tricorn" else set()
        if package == "__future__" or taken is None:
            return []
        statement.names = [alias for alias in statement.names if alias.name not in taken]
    return [ast.unparse(statement)] if statement.names else []


def build(root: Path, out: Path) -> Path:
    """Compile the module into a folder; returns the file. Raises an error of setuptools where there is no compiler."""
    if undeclared(root):
        raise ValueError(f"{OWN[1]} does not declare {', '.join(sorted(undeclared(root)))}")
    setuptools, cython = import_module("setuptools"), import_module("Cython.Build")
    package = out / PACKAGE
    package.mkdir()
    (package / "__init__.py").touch()
    shutil.copy(root / PACKAGE / OWN[1], package)
    source = package / "machine.py"
    source.write_text(join(root), "utf-8")
    # Python's own flags cost twice as long to compile, and gain nothing here.
    flags = [] if os.name == "nt" else ["-O2", "-g0"]
    extension = setuptools.Extension(f"{PACKAGE}.machine", [str(source)], extra_compile_args=flags)
    before = Path.cwd()
    os.chdir(out)
    try:
        modules = cython.cythonize([extension], compiler_directives=DIRECTIVES, quiet=True)
        command = setuptools.Distribution({"ext_modules": modules}).get_command_obj("build_ext")
        command.build_lib = command.build_temp = str(out / "built")
        command.ensure_finalized()
        command.run()
    finally:
        os.chdir(before)
    return Path(command.get_outputs()[0])


class Compile(BuildHookInterface[Any]):
    """Called by hatchling."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the kernel's sources to a source distribution, and the compiled module to a wheel."""
        root = Path(self.root)
        if self.target_name == "sdist":
            for name in ("__init__", *MODULES):
                build_data["force_include"][str(sources(root) / f"{name}.py")] = f"kernel/{name}.py"
            return
        if platform.python_implementation() != "CPython":
            return  # PyPy's own compiler does better
        self._folder = tempfile.mkdtemp()
        errors = import_module("setuptools.errors")
        try:
            built = build(root, Path(self._folder))
        except (errors.CCompilerError, errors.ExecError, errors.PlatformError) as error:
            if os.environ.get("TRICORN_RELEASE"):
                raise
            self.app.display_warning(f"not compiled: {error}")
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        if version == "editable":
            # A file of its own: a server may be running from the one before.
            (root / PACKAGE / built.name).unlink(missing_ok=True)
            shutil.copy(built, root / PACKAGE)
        else:
            build_data["force_include"][str(built)] = f"{PACKAGE}/{built.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Called when the wheel has been written."""
        shutil.rmtree(getattr(self, "_folder", ""), ignore_errors=True)
