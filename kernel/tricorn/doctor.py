"""`tricorn doctor`: what a server would find here, and what is wrong with it. Every installed plugin is imported."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import json
import platform
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import click

import tricorn
from tricorn.api import Row, Table, Tone, Unavailable
from tricorn.commands import refuse_reserved
from tricorn.entries import KINDS, Entry
from tricorn.options import BY_NAME, OPTIONS, default_of
from tricorn.registry import AUTOMATIC, PluginError, Registry
from tricorn.tables import show

KERNEL = "tricorn-kernel"

FINE, NOTE, PROBLEM = "", "note", "PROBLEM"

TONES: dict[str, Tone] = {FINE: "plain", NOTE: "note", PROBLEM: "bad"}

ENOUGH_FILES = 4096
"""Open files below which a busy server runs out: every connection is one, and an application needs some besides."""


class Finding(NamedTuple):
    """One line: what was looked at, what was found, and whether that is FINE, worth a NOTE or a PROBLEM."""

    what: str
    found: str
    verdict: str = FINE


def doctor_command(arguments: Sequence[str], registry: Registry) -> click.Command:
    """The command: exits with 1 when there is a problem, 3 when the plugins cannot be listed."""
    command = click.Command("doctor", callback=functools.partial(doctor, registry))
    command.help = "Look at Python, the system's limits and every installed plugin, and say what is wrong."
    command.params = [click.Option(["--json", "as_json"], is_flag=True, help="Print a JSON array.")]
    return command


def doctor(registry: Registry, as_json: bool) -> None:
    """Print all findings and exit."""
    try:
        findings = list(examine(registry))
    except PluginError as error:
        print(f"ERROR:    {error}", file=sys.stderr)
        sys.exit(3)
    if as_json:
        click.echo(json.dumps([finding._asdict() for finding in findings], indent=2))
    else:
        show(drawn(findings), registry)
    sys.exit(1 if any(finding.verdict == PROBLEM for finding in findings) else 0)


def drawn(findings: Sequence[Finding]) -> Table:
    """The findings, with what is not as it should be standing out."""
    rows = [Row((finding.verdict or "ok", finding.what, finding.found), TONES[finding.verdict]) for finding in findings]
    return Table("Doctor", ("VERDICT", "WHAT", "FOUND"), rows)


def examine(registry: Registry) -> Iterator[Finding]:
    """Everything there is to say. Raises PluginError when bundles disagree."""
    yield Finding("tricorn", f"{tricorn.__version__} in {Path(tricorn.__file__).parent}")
    yield Finding("Python", f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}")
    yield Finding("system", f"{platform.system()} {platform.release()} {platform.machine()}")
    yield from limits()
    yield from versions(registry)
    for kind in AUTOMATIC:
        yield choice(registry, kind)
    for kind in KINDS:
        for name in registry.names(kind):
            yield plugin(registry, kind, name)


def limits() -> Iterator[Finding]:
    """What the system allows a server, where it has such limits."""
    try:
        import resource
    except ImportError:  # Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= ENOUGH_FILES:
        yield Finding("open files", str(soft))
    else:
        most = "unlimited" if hard == resource.RLIM_INFINITY else str(hard)
        yield Finding("open files", f"{soft}: raise it, for example with `ulimit -n` (at most {most})", NOTE)
    path = Path("/proc/sys/net/core/somaxconn")
    if path.exists():
        allowed, wanted = int(path.read_text()), BY_NAME["backlog"].default
        if allowed >= wanted:
            yield Finding("backlog", f"{wanted} of at most {allowed}")
        else:
            yield Finding("backlog", f"{allowed}, less than --backlog {wanted}: raise net.core.somaxconn", NOTE)


def versions(registry: Registry) -> Iterator[Finding]:
    """What the kernel is made from, and whether its code and its metadata are of one installation."""
    for entry in registry.entries["supervisor"]:
        if entry.distribution == KERNEL:
            yield Finding("libraries", libraries(entry) or "their versions are not known without metadata")
            if entry.version != tricorn.__version__:
                text = f"the metadata says {entry.version}, the code {tricorn.__version__}: install it again"
                yield Finding(KERNEL, text, PROBLEM)


def choice(registry: Registry, kind: str) -> Finding:
    """What `auto` takes."""
    names, why = registry.preferred(kind)
    try:
        chosen = registry.auto(kind)
    except PluginError as error:
        return Finding(f"{kind} auto", str(error), PROBLEM)
    if chosen is None and kind == "terminal":
        return Finding("terminal auto", "none: tables are plain text")
    if chosen is None:
        missing = f"nothing of {', '.join(names)} ({why}) works here"
        return Finding(f"{kind} auto", missing, PROBLEM if kind == "http" else NOTE)
    return Finding(f"{kind} auto", f"{chosen}, from {why}: {', '.join(names)}")


def plugin(registry: Registry, kind: str, name: str) -> Finding:
    """Whether a plugin can be had."""
    defaults = SimpleNamespace(**{option.name: default_of(option) for option in OPTIONS})
    try:
        if kind == "command":
            refuse_reserved(registry, name)
        loaded = registry.load(kind, name, defaults)
    except Unavailable as reason:
        return Finding(f"{kind} {name}", str(reason), NOTE)
    except PluginError as error:
        return Finding(f"{kind} {name}", str(error), PROBLEM)
    assert loaded.entry is not None
    with_what = "" if loaded.entry.distribution == KERNEL else libraries(loaded.entry)
    text = f"{loaded.entry.distribution} {loaded.entry.version}"
    return Finding(f"{kind} {name}", f"{text} with {with_what}" if with_what else text)


def libraries(entry: Entry) -> str:
    """What the distribution of a plugin requires besides tricorn, with the versions that are here.

    Empty for one without metadata, as in a frozen program.
    """
    requires = () if entry.dist is None else importlib.metadata.requires(entry.distribution) or ()
    requirements = [text for text in requires if "extra ==" not in text]
    found = []
    for name in (re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0] for text in requirements):
        # What a marker excludes here, or somebody has removed, is what importing the plugin tells of.
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            if not name.startswith("tricorn-"):
                found.append(f"{name} {importlib.metadata.version(name)}")
    return ", ".join(found)
