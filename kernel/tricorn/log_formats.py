"""Formats of the log besides uvicorn's: lines that begin with the time, and access lines made of gunicorn's atoms."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any
from urllib.parse import quote

from tricorn.api import Headers, Scope

__all__ = ["AtomFormatter", "Details", "escape", "formatted", "stamped"]

TIME_FORMAT = "%Y-%m-%d %H:%M:%S %z"
"""As gunicorn writes it: the local time, and how far that is from UTC."""

STAMP = "%(asctime)s "

COMMON = '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s'
PRESETS = {"common": COMMON, "combined": COMMON + ' "%(f)s" "%(a)s"'}
"""The formats of Apache's access log by their names there."""

Renderer = Callable[[str, str, str, str, int], str]


def formatted(config: Any, log_format: str | None, access_format: str | None) -> Any:
    """A configuration of `logging` with other formats; the configuration itself where none is asked for.

    Raises ValueError when it does not have the formatters that they stand for, and for a format that is none.
    """
    if log_format not in (None, "plain", "time", "json"):
        raise ValueError(f"--log-format is plain, time or json, not {log_format!r}.")
    option = "--access-log-format" if access_format else "--log-format" if log_format == "time" else ""
    if not option:
        return config
    names = ("default", "access")
    if not isinstance(config, dict) or not config.get("formatters", {}).keys() >= set(names):
        raise ValueError(f"{option} changes the formatters 'default' and 'access', which --log-config does not have.")
    config = {**config, "formatters": deepcopy(config["formatters"])}
    formatters = config["formatters"]
    if log_format == "time":
        for name in names:
            formatters[name] |= {"fmt": STAMP + formatters[name]["fmt"], "datefmt": TIME_FORMAT}
    if access_format:
        text = PRESETS.get(access_format, access_format)
        check_atoms(text)
        formatters["access"] = {"()": "tricorn.log_formats.AtomFormatter", "fmt": text}
    return config


def stamped(render: Renderer) -> Renderer:
    """A renderer of lines that begin with the time, which is made once a second."""
    second, stamp = 0, ""

    def render_with_time(client: str, method: str, path: str, version: str, status: int) -> str:
        nonlocal second, stamp
        now = int(time.time())
        if now != second:
            second, stamp = now, time.strftime(TIME_FORMAT, time.localtime(now)) + " "
        return stamp + render(client, method, path, version, status)

    return render_with_time


def escape(text: str) -> str:
    """What came from a client, made safe for a log line: control characters and quotes as percent escapes."""
    if text.isprintable() and '"' not in text:
        return text
    return "".join(c if c.isprintable() and c != '"' else quote(c, safe="", errors="surrogatepass") for c in text)


# --- atoms ----------------------------------------------------------------------------------------------------------


class Details:
    """What is known of a request once it has been answered: more than the record of a plain access line has."""

    __slots__ = ("headers", "scope", "seconds", "size", "status")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.status = 500
        self.headers: Headers = []
        self.size = 0
        self.seconds = 0.0


class AtomFormatter(logging.Formatter):
    """Makes access lines of `%(h)s` and its like, as gunicorn calls the parts of a request and its answer.

    What is not known is a hyphen: of a request that was refused before anybody looked at it, most of all.
    """

    def __init__(self, fmt: str | None = None, datefmt: str | None = None, style: Any = "%") -> None:
        # The base class takes names that `logging` knows only in that its lines are made of a record's own attributes.
        super().__init__(validate=False)
        self.text = fmt or COMMON

    def format(self, record: logging.LogRecord) -> str:
        """The line of an access record, without its end."""
        return self.text % Atoms(record)


class Atoms(Mapping[str, str]):
    """The atoms of one access record, made when they are asked for."""

    def __init__(self, record: Any) -> None:
        self._record = record
        self._details: Details | None = getattr(record, "details", None)

    def __getitem__(self, name: str) -> str:
        known = SIMPLE.get(name)
        if known is not None:
            value = known(self._record)
        elif self._details is None:
            value = ""
        elif name in DETAILED:
            value = DETAILED[name](self._details)
        else:
            field, kind = name[1:].split("}")
            value = NAMED[kind](self._details, field.lower() if kind != "e" else field)
        return escape(value) or "-"

    def __iter__(self) -> Iterator[str]:
        return iter((*SIMPLE, *DETAILED))

    def __len__(self) -> int:
        return len(SIMPLE) + len(DETAILED)


def _field(headers: Headers, name: str) -> str:
    wanted = name.encode("latin-1")
    return ", ".join(value.decode("latin-1") for key, value in headers if key.lower() == wanted)


SIMPLE: Mapping[str, Callable[[Any], str]] = {
    "h": lambda record: str(record.args[0]).rpartition(":")[0],
    "l": lambda record: "",
    "u": lambda record: "",
    "t": lambda record: time.strftime("[%d/%b/%Y:%H:%M:%S %z]", time.localtime(record.created)),
    "r": lambda record: "{1} {2} HTTP/{3}".format(*record.args),
    "m": lambda record: str(record.args[1]),
    "U": lambda record: str(record.args[2]).partition("?")[0],
    "q": lambda record: str(record.args[2]).partition("?")[2],
    "H": lambda record: f"HTTP/{record.args[3]}",
    "s": lambda record: str(record.args[4]),
    "p": lambda record: f"<{record.process}>",
}
"""The atoms that every access record has."""

DETAILED: Mapping[str, Callable[[Details], str]] = {
    "B": lambda details: str(details.size),
    "b": lambda details: str(details.size or ""),
    "f": lambda details: _field(details.scope["headers"], "referer"),
    "a": lambda details: _field(details.scope["headers"], "user-agent"),
    "T": lambda details: str(int(details.seconds)),
    "M": lambda details: str(int(details.seconds * 1e3)),
    "D": lambda details: str(int(details.seconds * 1e6)),
    "L": lambda details: f"{details.seconds:.6f}",
}
"""Those of a request that the application was called for."""

NAMED: Mapping[str, Callable[[Details, str], str]] = {
    "i": lambda details, name: _field(details.scope["headers"], name),
    "o": lambda details, name: _field(details.headers, name),
    "e": lambda details, name: os.environ.get(name, ""),
}
"""Those with a name in braces: `%({host}i)s` is a field of the request, `o` of the response, `e` a variable."""


class _Known(dict[str, str]):
    def __missing__(self, name: str) -> str:
        if name not in SIMPLE and name not in DETAILED and re.fullmatch(r"\{[^{}]+\}[ioe]", name) is None:
            names = " ".join((*SIMPLE, *DETAILED))
            raise ValueError(
                f"--access-log-format has %({name})s, which is none of {names} {{name}}i {{name}}o {{name}}e."
            )
        return ""


def check_atoms(text: str) -> None:
    """Raise ValueError unless a format is made of atoms that there are, with at least one of them."""
    try:
        made = text % _Known()
    except (TypeError, KeyError) as error:
        raise ValueError(f"--access-log-format {text!r} is no format: {error}.") from error
    if made == text:
        presets = " or ".join(PRESETS)
        raise ValueError(f"--access-log-format {text!r} has no atom such as %(h)s; {presets} stand for usual formats.")
