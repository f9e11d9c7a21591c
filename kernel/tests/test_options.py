"""The declarations of options, and that they are uvicorn's."""

from __future__ import annotations

import inspect

import pytest
import uvicorn

from tricorn import Config, run
from tricorn.api import Option
from tricorn.options import BY_NAME, OPTIONS, default_of, keywords, parse_header

THEIRS = inspect.signature(uvicorn.Config.__init__).parameters
OURS = inspect.signature(Config.__init__).parameters


def test_every_keyword_of_uvicorn_is_one_in_the_same_place() -> None:
    assert list(OURS)[: len(THEIRS)] == list(THEIRS)


@pytest.mark.parametrize("name", [name for name in THEIRS if name not in ("self", "app", "log_config")])
def test_a_default_is_uvicorns(name: str) -> None:
    assert OURS[name].default == THEIRS[name].default


def test_run_takes_the_options_by_keyword_and_shows_them() -> None:
    parameters = inspect.signature(run).parameters
    assert set(parameters) == {*OURS, "app_dir"} - {"self"}
    assert parameters["port"].default == 8000
    assert parameters["port"].kind is inspect.Parameter.KEYWORD_ONLY


def test_names_are_unique_and_flags_too() -> None:
    assert len(BY_NAME) == len(OPTIONS)
    assert len({option.flags for option in OPTIONS}) == len(OPTIONS)


def test_flag_and_variable_are_made_from_the_name() -> None:
    option = Option("ws_max_size", "Help.")
    assert (option.flags, option.variable) == ("--ws-max-size", "TRICORN_WS_MAX_SIZE")
    assert BY_NAME["headers"].flags == "--header"


def test_annotations_say_type_and_whether_none_is_a_value() -> None:
    annotations = {parameter.name: parameter.annotation for parameter in keywords(OPTIONS)}
    assert annotations["port"] is int
    assert annotations["uds"] == str | None
    assert annotations["plugins"] == list[str] | None


def test_lists_are_never_shared() -> None:
    assert default_of(BY_NAME["headers"]) is not default_of(BY_NAME["headers"])


def test_a_header_is_a_name_and_a_value() -> None:
    assert parse_header("X-Frame: a:b ") == ("X-Frame", "a:b")
    with pytest.raises(ValueError, match="'X-Frame' is not of the form Name:Value"):
        parse_header("X-Frame")
