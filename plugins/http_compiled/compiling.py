"""Makes the module of this plugin: the kernel's HTTP/1 sources joined into one, and compiled by Cython.

One module, because calls and names within one are C's. Types come from `tricorn_http_compiled/machine.pxd`. What an
extension type cannot have is left out: `__slots__`, annotations and bases of Python. And where a way of Python's is
costly in C, another one is put in its place, which does the same: see `CONSTRUCTED`, `IDIOMS`, `LIVE` and `Sending`.

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
import sys
import sysconfig
import tempfile
import zlib
from importlib import import_module
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "tricorn_http_compiled"
MODULES: dict[str, set[str] | None] = {
    "api": {"Head"},
    **dict.fromkeys(("target", "fields", "scope", "turn", "gathering", "chunked", "heads", "recall")),
    **dict.fromkeys(("exchange", "opening", "http1_stream", "http1")),
}
"""Modules of the kernel in the order of their imports, and what is taken of them if not all."""

OWN = ("shared.py", "sending.py", "loops.py")
"""What this plugin adds to them."""

TYPES = "machine.pxd"
"""The types of all, and what is best written in C."""

CONSTRUCTED = {"Exchange", "Sending"}
"""Classes of which every request needs an object: it is made without going through the type."""

IDIOMS = {
    "all(headers)": "all_true(headers)",
    "app(self.scope, self.receive, self.send)": "app(self.scope, bound(RECEIVE, self), bound(SEND, self))",
    "data.find(b'\\r\\n\\r\\n', position)": "find_end(data, position)",
    "dict(headers)": "dict_of(headers)",
    "list(map(recall.field, lines[1:-2]))": "known_fields(recall._fields, lines)",
    "plain_names.issuperset(fields)": "all_in(fields, plain_names)",
    "recall(line, UNKNOWN)": "request_line(kernel.recall, line)",
    "recall.request(lines[0])": "recall._requests.get(lines[0])",
    "self._receiver.start()": "start(self._receiver)",
}
"""Calls that every request needs, as the sources have them, and what does the same with less in C: the interpreter is
at its best in a builtin function, C in a loop over what it knows the type of."""

LIVE = {"clock", "persistent", "total_requests"}
"""What changes in a kernel while connections are open: read from, and written to, the dict of it that `Shared` has."""

DIRECTIVES = {
    "language_level": 3,
    "annotation_typing": False,
    "always_allow_keywords": False,
    "auto_pickle": False,
    "boundscheck": False,
    "emit_code_comments": False,
    "initializedcheck": False,
    "optimize.unpack_method_calls": False,
}


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
    files = [path.read_bytes() for path in (*parts(root).values(), Path(__file__))]
    return hashlib.sha256(b"\0".join([version(sources(root)).encode(), *files])).hexdigest()


def parts(root: Path) -> dict[str, Path]:
    """What the module is made from, by its name as `package/module.py`."""
    kernel = {f"tricorn/{name}.py": sources(root) / f"{name}.py" for name in MODULES}
    return kernel | {f"{PACKAGE}/{name}": root / PACKAGE / name for name in (*OWN, TYPES)}


def checksums(root: Path) -> dict[str, int]:
    """What tells the same where the module is imported, cheaply and however lines end: see `origin.py`."""
    return {name: zlib.crc32(path.read_bytes().replace(b"\r\n", b"\n")) for name, path in parts(root).items()}


class _Typed(ast.NodeTransformer):
    """Rewrites sources for what the types make possible.

    declared: the fields of each class. found: which of `IDIOMS` the sources had.
    """

    def __init__(self, declared: dict[str, set[str]]) -> None:
        self._declared = declared
        self.found: set[str] = set()

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        """Make of a class what an extension type can be: what it says of all its objects, each of them has."""
        self.generic_visit(node)
        node.bases = [base for base in node.bases if isinstance(base, ast.Name)]
        body: list[ast.stmt] = []
        constants: list[ast.stmt] = []
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign):
                if statement.value is None:
                    continue
                statement = ast.Assign([statement.target], statement.value, lineno=statement.lineno)
            name = ast.unparse(statement.targets[0]) if isinstance(statement, ast.Assign) else ""
            if name in self._declared.get(node.name, ()):
                constants += ast.parse(f"self.{ast.unparse(statement)}").body
            elif name != "__slots__":
                body.append(statement)
        node.body = body
        for statement in body:
            if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
                statement.body[:0] = constants
                if node.name in CONSTRUCTED:
                    statement.name = "_construct"
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Any:
        """Have `send` do in a call what it does, and return what it would wait for at its end."""
        self.generic_visit(node)
        if node.name != "send" or [argument.arg for argument in node.args.args] != ["self", "event"]:
            return node
        step = _plain(node, "_send")
        _return_last(step.body)
        if any(isinstance(each, ast.Await) for each in ast.walk(step)):
            raise ValueError("send awaits something before its end")
        # Only from Python 3.11 on can a function of Cython be marked as one that makes coroutines.
        marked = sys.version_info >= (3, 11)
        node.body[1:] = ast.parse(
            "return _construct_Sending(self, event)" if marked else "await _send(self, event)"
        ).body
        return [step, _plain(node) if marked else node]

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """Look up what is live."""
        self.generic_visit(node)
        if node.attr in LIVE and ast.unparse(node.value) in ("kernel", "self._kernel"):
            place = ast.parse(f"{ast.unparse(node.value)}._live[{node.attr!r}]", mode="eval").body
            assert isinstance(place, ast.Subscript)
            place.ctx = node.ctx
            return place
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """Have calls made in C."""
        text = ast.unparse(node)
        if text in IDIOMS:
            self.found.add(text)
            return ast.parse(IDIOMS[text], mode="eval").body
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in CONSTRUCTED:
            node.func.id = f"_construct_{node.func.id}"
        return node


def _plain(node: ast.AsyncFunctionDef, name: str = "") -> ast.FunctionDef:
    """A function with the parameters and the body of one that makes coroutines."""
    plain = ast.parse(f"def {name or node.name}(): pass").body[0]
    assert isinstance(plain, ast.FunctionDef)
    plain.args, plain.body = node.args, list(node.body)
    return plain


def _return_last(body: list[ast.stmt]) -> None:
    """Turn an `await` after which nothing follows into a `return` of what was awaited."""
    last = body[-1] if body else None
    if isinstance(last, ast.If):
        _return_last(last.body)
        _return_last(last.orelse)
    elif isinstance(last, ast.Expr) and isinstance(last.value, ast.Await):
        body[-1] = ast.Return(last.value.value)


def _names(statement: ast.stmt) -> set[str]:
    """What a statement of a module defines in it."""
    if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return {statement.name}
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}


def join(root: Path) -> str:
    """The source of the module.

    Raises ValueError when two of the kernel's modules give one name two meanings, or where they are not what this
    rewrites.
    """
    folder = sources(root)
    files = [(folder / f"{module}.py", wanted) for module, wanted in MODULES.items()]
    imports: list[str] = []
    body: list[ast.stmt] = []
    defined: dict[str, str] = {}
    typed = _Typed(_declared(root))
    for path, wanted in [*files, *((root / PACKAGE / name, None) for name in OWN)]:
        for statement in ast.parse(path.read_text("utf-8")).body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                imports += _imports(statement)
                continue
            names = _names(statement) - {"__all__"}
            if not names or (wanted is not None and not names & wanted):
                continue
            text = ast.unparse(typed.visit(statement))
            for name in names:
                if defined.setdefault(name, text) != text:
                    raise ValueError(f"{path.name} gives {name} another meaning")
            body.append(statement)
    if lost := IDIOMS.keys() - typed.found:
        raise ValueError(f"not in the sources any more: {', '.join(sorted(lost))}")
    body += [_constructor(node) for node in body if isinstance(node, ast.ClassDef) and node.name in CONSTRUCTED]
    # What the sources import may not be there in another version of the kernel: it is told first.
    checking = f"from {PACKAGE}.origin import check\ncheck({version(folder)!r}, {checksums(root)!r})"
    body += ast.parse(f"SOURCES = {digest(root)!r}").body
    lines = ["from __future__ import annotations", checking, *imports]
    return "\n".join([*lines, ast.unparse(ast.Module(body, []))]) + "\n"


def _constructor(node: ast.ClassDef) -> ast.stmt:
    """The function that makes an object of a class: without packing its arguments for `type.__call__`."""
    name = node.name
    method = next(each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "_construct")
    names = ", ".join(argument.arg for argument in method.args.args[1:])
    source = f"def _construct_{name}({names}):\n made = {name}.__new__({name})\n made._construct({names})\n return made"
    return ast.parse(source).body[0]


def _declared(root: Path) -> dict[str, set[str]]:
    """The words of each class in the types, its fields among them."""
    classes = (root / PACKAGE / TYPES).read_text("utf-8").split("\ncdef class ")[1:]
    return {re.findall(r"\w+", text)[0]: set(re.findall(r"\w+", text)) for text in classes}


def undeclared(root: Path) -> set[str]:
    """The slots of the kernel's classes that the types lack: an extension type would have no place for them."""
    declared = _declared(root)
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
        raise ValueError(f"{TYPES} does not declare {', '.join(sorted(undeclared(root)))}")
    setuptools, cython = import_module("setuptools"), import_module("Cython.Build")
    package = out / PACKAGE
    package.mkdir()
    (package / "__init__.py").touch()
    shutil.copy(root / PACKAGE / TYPES, package)
    source = package / "machine.py"
    source.write_text(join(root), "utf-8")
    # Python's own flags take twice as long to compile and gain nothing here; -O1 takes half, for 5 % more instructions.
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


def kept(root: Path) -> Path:
    """The compiled module, out of the folder `build`: compiled before from these very sources, or else now.

    What was compiled from others goes away.
    """
    compiler = import_module("Cython").__version__
    folder = root / "build" / f"{digest(root)}-cython-{compiler}"
    module = folder / f"machine{sysconfig.get_config_var('EXT_SUFFIX')}"
    if not module.exists():
        with tempfile.TemporaryDirectory() as out:
            built = build(root, Path(out))
            folder.mkdir(parents=True, exist_ok=True)
            for other in {*folder.parent.glob("*-cython-*")} - {folder}:
                shutil.rmtree(other)
            copy = folder / str(os.getpid())
            shutil.copy(built, copy)
            copy.replace(module)  # has its name only when it is whole
    return module


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
        errors = import_module("setuptools.errors")
        try:
            built = kept(root)
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
