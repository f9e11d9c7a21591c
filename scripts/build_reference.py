"""Write the reference pages of the documentation from the sources: the options, the hooks, the interfaces, the kit.

    python scripts/build_reference.py [OUT]

They are written where the site is built, so that they are never behind the sources.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path

from tricorn.api import Option
from tricorn.options import OPTIONS

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "reference"
NOTE = "<!-- Written by scripts/build_reference.py from the sources. -->\n"

GROUPS: tuple[tuple[str, str], ...] = (
    ("Address", r"host|port|uds|fd|backlog|listen"),
    ("Application", r"factory|app_dir|root_path|interface|lifespan|env_file|reset_contextvars"),
    ("Plugins", r"http|http2|ws|loop|logging|supervisor|plugins"),
    ("WebSockets", r"ws_.*"),
    ("TLS", r"ssl_.*|timeout_tls_handshake"),
    ("Behind a proxy", r"proxy_.*|forwarded_.*|behind_proxy"),
    ("Processes", r"workers|timeout_worker_healthcheck|limit_max_requests.*"),
    ("Reloading", r"reload.*"),
    ("Log", r"log_.*|access_log.*|use_colors"),
    ("Responses", r"server_header|date_header|headers"),
    ("Limits", r"limit_.*|h11_.*"),
    ("Time", r"timeout_.*|callback_notify"),
    ("Further", r".*"),
)
"""The sections of the options' page; an option stands in the first whose pattern fits its name."""

OPTIONS_INTRODUCTION = """\
Each option is declared once, which gives its flag on the command line, its environment variable and its keyword for
`tricorn.run()` and `tricorn.Config()`: `--ws-max-size`, `TRICORN_WS_MAX_SIZE` and `ws_max_size`. Where they do not
follow from each other the table says so.

The flag has the last word, then the variable, then a configuration file. A variable `UVICORN_X` counts where
`TRICORN_X` is not set.
"""

KIT_INTRODUCTION = """\
`tricorn.testing` is public: a plugin's author subclasses a suite and runs the checks that the plugins of this
repository run, and `tricorn check KIND NAME` runs them without pytest.
"""


# --- options --------------------------------------------------------------------------------------------------------


def options_page() -> str:
    """The page of the options: those of the kernel in sections, then those that plugins declare."""
    lines = [NOTE, "# Options", "", *OPTIONS_INTRODUCTION.splitlines(), ""]
    waiting = list(OPTIONS)
    for title, pattern in GROUPS:
        found = [option for option in waiting if re.fullmatch(pattern, option.name)]
        waiting = [option for option in waiting if option not in found]
        lines += [f"## {title}", "", *table(found), ""] if found else []
    for plugin, options in plugin_options():
        lines += [f"## Of the plugin {plugin}", "", "They exist where the plugin is selected.", "", *table(options), ""]
    return "\n".join(lines)


def table(options: Iterable[Option]) -> list[str]:
    """Rows of Markdown."""
    rows = ["| option | default | |", "|---|---|---|"]
    for option in options:
        words = [option.help]
        if not option.cli:
            words.append("A keyword only.")
        elif option.flags != "--" + option.name.replace("_", "-"):
            words.append(f"The keyword is `{option.name}`, the variable `{option.variable}`.")
        if not option.keyword:
            words.append("Not a keyword.")
        shown = f"`{spelling(option)}`" if option.cli else f"`{option.name}`"
        rows.append(f"| {shown} | {default(option)} | {' '.join(words)} |".replace("|  ", "| "))
    return rows


def spelling(option: Option) -> str:
    """The flag with what follows it."""
    if option.type is bool and option.switch == "pair":
        return f"{option.flags}/--no-{option.flags.removeprefix('--')}"
    if option.type is bool and option.switch == "single":
        return option.flags
    if isinstance(option.type, type):
        names = {int: "INTEGER", float: "SECONDS" if option.name.startswith("timeout") else "NUMBER", bool: "BOOLEAN"}
        return f"{option.flags} {option.metavar or names.get(option.type, 'TEXT')}"
    choices = r"\|".join(option.type)
    return f"{option.flags} {choices}"


def default(option: Option) -> str:
    """The default as a reader wants to see it."""
    if option.default is None or isinstance(option.default, dict) or option.default == "":
        return ""
    if option.type is bool:
        return "on" if option.default else "off"
    return f"`{option.default}`"


def plugin_options() -> Iterator[tuple[str, list[Option]]]:
    """The options that the plugins of this repository declare, by the plugin's name on the command line."""
    for path in sorted(ROOT.glob("plugins/*/pyproject.toml")):
        _, _, name = path.parent.name.partition("_")
        # Behind what is installed: of a plugin that is compiled the folder has only the sources.
        sys.path.append(str(path.parent))
        module = import_module(f"tricorn_{path.parent.name}")
        sys.path.pop()
        if hasattr(module, "tricorn_options"):
            yield f"`{name}`", list(module.tricorn_options())


# --- docstrings -----------------------------------------------------------------------------------------------------


def module_page(path: str, title: str, introduction: str) -> str:
    """The page of a module: its public classes, functions and constants in their order, with their docstrings."""
    source = (ROOT / path).read_text()
    tree = ast.parse(source)
    headings = {
        number: match[1].strip()
        for number, line in enumerate(source.splitlines(), 1)
        if (match := re.fullmatch(r"# --- (.*?) -+", line))
    }
    lines = [NOTE, f"# {title}", "", introduction, "", *prose(ast.get_docstring(tree) or "").splitlines(), ""]
    for node, documentation in documented(tree):
        for number in [number for number in headings if number < node.lineno]:
            lines += [f"## {headings.pop(number)}", ""]
        lines += entry(node, documentation)
    return "\n".join(lines).rstrip() + "\n"


def documented(tree: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    """The public statements of a module that have a docstring, or a string behind them in the place of one."""
    for node, following in zip(tree.body, [*tree.body[1:], ast.Pass()], strict=True):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if not node.name.startswith("_"):
                yield node, ast.get_docstring(node) or ""
        elif isinstance(node, ast.Assign) and isinstance(following, ast.Expr) and not ast.unparse(node).startswith("_"):
            yield node, str(ast.literal_eval(following.value))


def entry(node: ast.stmt, documentation: str) -> list[str]:
    """The section of one class, function or constant."""
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(ast.unparse(base) for base in node.bases)
        lines = [f"### `{node.name}`", "", *code(f"class {node.name}({bases})" if bases else f"class {node.name}")]
        lines += [prose(documentation), ""]
        fields = [ast.unparse(line) for line in node.body if isinstance(line, ast.AnnAssign)]
        fields = [field for field in fields if "ClassVar" not in field and not field.startswith("_")]
        lines += code("\n".join(fields)) if fields else []
        for method in node.body:
            if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and not method.name.startswith(
                ("_", "check_")
            ):
                lines += [*code(signature(method)), prose(ast.get_docstring(method) or ""), ""]
        return lines
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return [f"### `{node.name}`", "", *code(signature(node)), prose(documentation), ""]
    assert isinstance(node, ast.Assign)
    return [f"### `{ast.unparse(node.targets[0])}`", "", *code(ast.unparse(node)), prose(documentation), ""]


def signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """How a function is called."""
    arguments = re.sub(r"^(self|cls)(, |$)", "", ast.unparse(node.args))
    returns = f" -> {ast.unparse(node.returns)}" if node.returns is not None else ""
    word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    return f"{word} {node.name}({arguments}){returns}"


def code(text: str) -> list[str]:
    """A block of Python."""
    return ["```python", text, "```", ""]


def prose(text: str) -> str:
    """A docstring as Markdown: what it says of one name after the other becomes a list."""
    paragraphs = []
    # One name may stand behind another in a line.
    for paragraph in re.sub(r"(?<=\. )([a-z_0-9]+: )", r"\n\1", text).split("\n\n"):
        if paragraph.startswith("    "):
            paragraphs.append(paragraph)
            continue
        lines: list[str] = []
        listing = False
        for line in paragraph.splitlines():
            named = re.match(r"((?:[a-z_0-9]+)(?:, [a-z_0-9]+)*): (.*)", line.strip())
            if named:
                lines += (
                    ["", f"- `{named[1]}`: {named[2]}"] if not listing and lines else [f"- `{named[1]}`: {named[2]}"]
                )
                listing = True
            else:
                lines.append(f"  {line.strip()}" if listing else line)
        paragraphs.append("\n".join(lines))
    return "\n\n".join(paragraphs)


# --- the pages ------------------------------------------------------------------------------------------------------


SUITES = (
    "http1.Http1CodecSuite",
    "http1.Http1Suite",
    "http.HttpSuite",
    "client.Client",
    "ws.WsCodecSuite",
    "loop.LoopSuite",
)
"""What a plugin's author subclasses, by its place below `tricorn.testing`."""


def testing_page() -> str:
    """The page of the conformance kit."""
    suite = module_page("kernel/tricorn/testing/suite.py", "The conformance kit", KIT_INTRODUCTION)
    serving = (
        module_page("kernel/tricorn/testing/serving.py", "", "").partition("### `serve`")[2].partition("\n### ")[0]
    )
    parts = [suite, "## The suites", "", *suites(), "## A server for tests", "", f"### `serve`{serving}"]
    return "\n".join(parts).rstrip() + "\n"


def suites() -> Iterator[str]:
    """The sections of what a plugin's author subclasses; the checks are told by their names when they run."""
    for name in SUITES:
        module, _, wanted = name.rpartition(".")
        tree = ast.parse((ROOT / "kernel/tricorn/testing" / f"{module}.py").read_text())
        for node, documentation in documented(tree):
            if isinstance(node, ast.ClassDef) and node.name == wanted:
                lines = entry(node, documentation)
                yield from [f"### `tricorn.testing.{name}`", *lines[1:]]


MAKERS: dict[str, Callable[[], str]] = {
    "options.md": options_page,
    "hooks.md": lambda: module_page(
        "kernel/tricorn/hookspecs.py", "Hooks", "What a plugin may implement, and who calls it when."
    ),
    "api.md": lambda: module_page(
        "kernel/tricorn/api.py", "Interfaces", "`tricorn.api`: all that a plugin imports, with the contracts."
    ),
    "testing.md": testing_page,
}
"""What makes each page."""


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path, nargs="?", default=PAGES, help=f"where to write them; by default {PAGES}")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, make in MAKERS.items():
        (out / name).write_text(make())
    return 0


if __name__ == "__main__":
    sys.exit(main())
