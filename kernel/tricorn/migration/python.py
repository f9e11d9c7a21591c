"""What a Python file has of uvicorn, by its syntax tree: imports, names, keywords, base classes, commands."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from typing import Any

import tricorn
from tricorn.migration.commands import in_command
from tricorn.migration.findings import Finding, Missing, check_plugin, look_up
from tricorn.options import BY_NAME
from tricorn.protocols.stand_ins import StandIn
from tricorn.registry import Registry

GONE = "setup_event_loop"
"""A method of `Config` that says itself what there is instead."""


def in_python(text: str, registry: Registry) -> list[Finding]:
    """The findings of one file. What is no Python has none."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return []
    visitor = Visitor(registry)
    visitor.visit(tree)
    return visitor.found


class Visitor(ast.NodeVisitor):
    """Walks a tree from the top: names are known from their import on. `names` says what each stands for."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.found: list[Finding] = []
        self.names: dict[str, str] = {}

    # --- imports ------------------------------------------------------------------------------------------------------

    def visit_Import(self, node: ast.Import) -> None:
        """`import uvicorn`, `import uvicorn.config as config`."""
        for alias in node.names:
            if alias.name.partition(".")[0] == "uvicorn":
                if self._check(node, lambda: look_up(alias.name)):  # noqa: B023 - called at once
                    self._becomes(node, "import " + alias.name.replace("uvicorn", "tricorn", 1))
                self.names[alias.asname or "uvicorn"] = alias.name if alias.asname else "uvicorn"

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """`from uvicorn.config import LOGGING_CONFIG`."""
        module = node.module or ""
        if node.level or module.partition(".")[0] != "uvicorn":
            return
        if self._check(node, lambda: look_up(module)):
            self._becomes(node, f"from {module.replace('uvicorn', 'tricorn', 1)} import")
        for alias in node.names:
            path = f"{module}.{alias.name}"
            if alias.name != "*":
                self._check(node, lambda: look_up(path))  # noqa: B023 - called at once
                self.names[alias.asname or alias.name] = path

    def _becomes(self, node: ast.stmt, text: str) -> None:
        if text == "import tricorn":
            text += " as uvicorn"
        self.found.append(Finding(node.lineno, f"becomes {text}.", False))

    # --- use ----------------------------------------------------------------------------------------------------------

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """`uvicorn.config.LOGGING_CONFIG`."""
        path = self._path(node)
        if node.attr == GONE:
            self._check(node, lambda: getattr(tricorn.Config, GONE)(None))
        elif path is None:
            self.generic_visit(node)
        elif isinstance(node.ctx, ast.Load):
            self._check(node, lambda: look_up(path))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """A subclass of one of uvicorn's protocol classes, which are only names here."""
        for base in node.bases:
            path = self._path(base)
            if path is not None:
                self._check(base, lambda: self._check_base(look_up(path)))  # noqa: B023 - called at once
        self.generic_visit(node)

    def _check_base(self, base: Any) -> None:
        if isinstance(base, type) and issubclass(base, StandIn):
            try:
                type(base.__name__, (base,), {})
            except TypeError as error:
                raise Missing(str(error)) from None

    def visit_Call(self, node: ast.Call) -> None:
        """The keywords of `uvicorn.run` and `uvicorn.Config`."""
        path = self._path(node.func)
        if path is not None and path.rpartition(".")[2] in ("run", "Config"):
            for keyword in node.keywords:
                self._check(keyword.value, lambda: self._check_keyword(path, keyword))  # noqa: B023 - called at once
        self.generic_visit(node)

    def _check_keyword(self, path: str, keyword: ast.keyword) -> None:
        function = tricorn.run if path.endswith("run") else tricorn.Config
        name = keyword.arg
        if name is None:
            return
        if name not in inspect.signature(function).parameters and name != "app_dir":
            raise Missing(f"{path}({name}=...): tricorn has no such keyword.")
        kind = BY_NAME[name].kind if name in BY_NAME else None
        if kind is not None and isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str):
            check_plugin(self.registry, kind, keyword.value.value)

    # --- commands -----------------------------------------------------------------------------------------------------

    def visit_Expr(self, node: ast.Expr) -> None:
        """Not what stands in docstrings."""
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        """A command, or the name of a worker, in a string."""
        if isinstance(node.value, str):
            self.found += in_command(node.value, node.lineno, self.registry)

    def visit_List(self, node: ast.List) -> None:
        """A command as a list of words."""
        self._see_words(node)

    def visit_Tuple(self, node: ast.Tuple) -> None:
        """A command as a tuple of words."""
        self._see_words(node)

    def _see_words(self, node: ast.List | ast.Tuple) -> None:
        words = [part.value if isinstance(part, ast.Constant) else "..." for part in node.elts]
        if "uvicorn" in words:
            self.found += in_command(" ".join(map(str, words)), node.lineno, self.registry)
        else:
            self.generic_visit(node)

    # --- looking up ---------------------------------------------------------------------------------------------------

    def _path(self, node: ast.expr) -> str | None:
        """The dotted name of uvicorn's that an expression is; None for another expression."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.insert(0, node.attr)
            node = node.value
        if isinstance(node, ast.Name) and node.id in self.names:
            return ".".join([self.names[node.id], *parts])
        return None

    def _check(self, node: ast.expr | ast.stmt, look: Callable[[], Any]) -> bool:
        """Whether tricorn has what is looked up; what it has not is a finding."""
        try:
            look()
            return True
        except (Missing, AttributeError) as missing:
            self.found.append(Finding(node.lineno, str(missing), True))
            return False
