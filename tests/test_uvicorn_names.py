"""Every public name of uvicorn's modules is one of tricorn's, or stands here with the reason why it is not."""

from __future__ import annotations

import importlib
import pkgutil
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

import tricorn
from tricorn.shim import MODULES

WITHOUT_MODULE = {
    "__main__": "a command: `python -m tricorn`",
    "_ansi": "private",
    "_compat": "private",
    "_subprocess": "private",
    "_types": "private; the types of ASGI are in asgiref.typing, or in tricorn.api",
    "loops.zuvloop": "there is no plugin for zuvloop",
    "protocols.http.auto_zttp_impl": "there is no plugin for zttp; HTTP/2 is --http2",
    "protocols.http.zttp_h2_impl": "there is no plugin for zttp; HTTP/2 is --http2",
    "protocols.http.zttp_impl": "there is no plugin for zttp; HTTP/2 is --http2",
}
"""Modules of uvicorn that are none of tricorn's."""

INSIDE = "the inside of uvicorn's protocols: the kernel's connections are others"
WITHOUT_NAME = {
    ("config", "is_dir"): "a step of --reload, which the plugin takes its own way",
    ("config", "resolve_reload_patterns"): "a step of --reload, which the plugin takes its own way",
    ("lifespan.on", "LifespanReceiveMessage"): "a type of ASGI's",
    ("lifespan.on", "LifespanSendMessage"): "a type of ASGI's",
    ("lifespan.on", "STATE_TRANSITION_ERROR"): "the text of an assertion",
    ("middleware.message_logger", "PLACEHOLDER_FORMAT"): "a detail of the log of messages",
    ("middleware.message_logger", "message_with_placeholders"): "a detail of the log of messages",
    ("middleware.wsgi", "WSGIResponder"): "the inside of WSGIMiddleware, which the plugin interface_wsgi has",
    ("middleware.wsgi", "build_environ"): "the inside of WSGIMiddleware, which the plugin interface_wsgi has",
    ("protocols.http.flow_control", "CLOSE_HEADER"): INSIDE,
    ("protocols.http.flow_control", "FlowControl"): INSIDE,
    ("protocols.http.flow_control", "HIGH_WATER_LIMIT"): INSIDE,
    ("protocols.http.flow_control", "service_unavailable"): INSIDE,
    ("protocols.http.h11_impl", "RequestResponseCycle"): INSIDE,
    ("protocols.http.h11_impl", "STATUS_PHRASES"): INSIDE,
    ("protocols.http.httptools_impl", "HEADER_RE"): INSIDE,
    ("protocols.http.httptools_impl", "HEADER_VALUE_RE"): INSIDE,
    ("protocols.http.httptools_impl", "RequestResponseCycle"): INSIDE,
    ("protocols.http.httptools_impl", "STATUS_LINE"): INSIDE,
    ("protocols.websockets.websockets_impl", "Server"): INSIDE,
    ("protocols.websockets.websockets_sansio_impl", "STATUS_PHRASES"): INSIDE,
    ("protocols.websockets.wsproto_impl", "FrameTooLargeError"): INSIDE,
    ("protocols.websockets.wsproto_impl", "WebsocketBuffer"): INSIDE,
    ("supervisors.basereload", "HANDLED_SIGNALS"): "it is in `server`",
    ("supervisors.multiprocess", "SIGNALS"): "which signals the parent takes is the plugin's",
}
"""Names that uvicorn's modules define and tricorn's have not."""

IGNORED = ("IO", "TYPE_CHECKING", "logger")

TOLD = [
    ("protocols.http.h11_impl", "RequestResponseCycle", "--timeout-request-head"),
    ("protocols.http.httptools_impl", "RequestResponseCycle", "tricorn_observer"),
    ("protocols.http.flow_control", "FlowControl", "the kernel waits"),
    ("protocols.http.flow_control", "service_unavailable", "--limit-concurrency"),
    ("protocols.websockets.wsproto_impl", "WebsocketBuffer", "--ws-max-size"),
]
"""Names of which their import says what there is instead."""


def theirs() -> Iterator[str]:
    """The names of uvicorn's modules, without its own at the front."""
    for module in pkgutil.walk_packages(uvicorn.__path__, "uvicorn."):
        yield module.name.removeprefix("uvicorn.")


FRONT = ("uvicorn", "uvicorn.config", "uvicorn.main", "uvicorn.server", "uvicorn.supervisors")
"""Modules from which people import what these import themselves."""


def public(module: Any) -> set[str]:
    """What a module of uvicorn defines, and those at the front import from the others."""
    source = Path(module.__file__).read_text()
    found = set()
    for name, value in vars(module).items():
        defined = re.search(rf"^ {{0,4}}((async )?def |class )?{name}\b *[(:=]", source, re.MULTILINE)
        home = str(getattr(value, "__module__", ""))
        imported = name.isupper() or (home.startswith("uvicorn.") and not home.startswith("uvicorn._"))
        if not name.startswith("_") and name not in IGNORED and (defined or (module.__name__ in FRONT and imported)):
            found.add(name)
    return found


def test_every_module_of_uvicorn_is_one_of_tricorns() -> None:
    assert {*MODULES} == {*theirs()} - {*WITHOUT_MODULE}
    assert [name for name in WITHOUT_MODULE if name not in {*theirs()}] == []


@pytest.mark.parametrize("name", ["", *MODULES])
def test_every_public_name_is_there(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # uvicorn's, about its own protocols
        module = importlib.import_module(f"uvicorn.{name}".rstrip("."))
    ours = importlib.import_module(f"tricorn.{name}".rstrip("."))
    left_out = {known for where, known in WITHOUT_NAME if where == name}
    assert left_out <= public(module), "uvicorn has not got these any more"
    assert [known for known in public(module) - left_out if not hasattr(ours, known)] == []


@pytest.mark.parametrize(("module", "name", "text"), TOLD)
def test_a_name_without_a_meaning_says_what_there_is_instead(module: str, name: str, text: str) -> None:
    with pytest.raises(ImportError, match=f"tricorn has no {name}: .*{text}") as caught:
        exec(f"from tricorn.{module} import {name}")
    assert "\n" not in str(caught.value)


def test_names_that_never_were_are_pythons_own_error() -> None:
    with pytest.raises(ImportError, match="cannot import name 'Nothing'"):
        exec("from tricorn.protocols.http.h11_impl import Nothing")
    with pytest.raises(AttributeError, match="'tricorn.config' has no attribute 'nothing'"):
        _ = tricorn.config.nothing
