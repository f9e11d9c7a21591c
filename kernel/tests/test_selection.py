"""What a configuration picks: options, bundles, and the kernel's own preference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tricorn import Config, selection
from tricorn.api import SupervisorProvider
from tricorn.registry import PluginError, Registry

Install = Callable[..., None]
BUNDLE = """
from tricorn.api import hookimpl
tricorn_api = 1
@hookimpl
def tricorn_defaults():
    return {defaults!r}
"""
SIDE = "tricorn_api = 1\n"


def make(**options: Any) -> Config:
    return Config("app:app", log_config=None, **options)


def bundle(install: Install, **defaults: Sequence[str]) -> None:
    install("acme", "1.0", {"tricorn.bundle": {"acme": "acme_b"}}, acme_b=BUNDLE.format(defaults=defaults))


def names(config: Config, kind: str) -> list[str]:
    return [plugin.name for plugin in selection.pick(config, kind)]


def test_a_bundle_takes_the_place_of_a_default(install: Install) -> None:
    bundle(install, ws=["wsproto"], lifespan=["off"], http=["h11"])
    config = make()
    assert [names(config, kind) for kind in ("ws", "lifespan", "http")] == [["wsproto"], ["off"], ["h11"]]


def test_an_option_goes_before_a_bundle(install: Install) -> None:
    bundle(install, ws=["wsproto"], lifespan=["off"])
    config = make(ws="websockets", lifespan="on")
    assert [names(config, kind) for kind in ("ws", "lifespan")] == [["websockets"], ["on"]]


def test_side_plugins_of_a_bundle_come_before_those_that_are_named(install: Install) -> None:
    bundle(install, plugin=["acme-one", "acme-two"])
    points = {f"acme-{name}": f"acme_{name}" for name in ("one", "two", "three")}
    install("acme-parts", "1.0", {"tricorn.plugin": points}, **dict.fromkeys(points.values(), SIDE))
    selected = selection.select(make(plugins=["acme-three", "acme-one"]))
    assert [plugin.name for plugin in selected["plugin"]] == ["acme-two", "acme-three", "acme-one"]


def test_a_plugin_that_is_named_twice_is_there_once() -> None:
    assert names(make(http="h11, h11 ,httptools"), "http") == ["h11", "httptools"]


def test_http2_comes_before_the_others() -> None:
    assert [plugin.name for plugin in selection.select(make(http="h11", http2=True))["http"]] == ["h2", "h11"]
    assert [plugin.name for plugin in selection.select(make(http="h11,h2", http2=True))["http"]] == ["h11", "h2"]


def without(kind: str, name: str) -> Registry:
    registry = Registry()
    registry.entries = {**registry.entries, kind: [e for e in registry.entries[kind] if e.name != name]}
    return registry


def test_http2_without_its_plugin_says_what_to_install() -> None:
    with pytest.raises(PluginError, match="--http2 needs the HTTP plugin 'h2': pip install tricorn-http-h2."):
        selection.select(make(http2=True, registry=without("http", "h2")))


def test_no_http_plugin_at_all_says_what_to_install() -> None:
    registry = Registry()
    registry.entries = {**registry.entries, "http": []}
    with pytest.raises(
        PluginError, match="No HTTP plugin works here .tried compiled, httptools, h11, the kernel's preference."
    ):
        selection.select(make(registry=registry))


@pytest.mark.parametrize(
    ("options", "name"),
    [({}, "single"), ({"workers": 2}, "workers"), ({"reload": True, "workers": 2}, "reload")],
)
def test_options_ask_for_a_supervisor(options: dict[str, Any], name: str) -> None:
    assert selection.supervisor(make(**options)).name == name


def test_a_supervisor_is_named_or_given() -> None:
    assert selection.supervisor(make(supervisor="single", workers=2)).name == "single"
    own = SupervisorProvider(lambda server: 0)
    assert selection.supervisor(make(supervisor=own)).provider is own


@pytest.mark.parametrize(("options", "name"), [({"workers": 2}, "workers"), ({"reload": True}, "reload")])
def test_a_missing_supervisor_says_what_to_install(options: dict[str, Any], name: str) -> None:
    with pytest.raises(
        PluginError, match=f"needs the supervisor plugin '{name}': pip install tricorn-supervisor-{name}"
    ):
        selection.supervisor(make(**options, registry=without("supervisor", name)))
