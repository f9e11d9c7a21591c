"""The registry: what is found, what is imported, what `auto` takes, and what a user is told."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

import pytest

from tricorn.api import HttpProvider, LoopProvider, Unavailable
from tricorn.catalogue import PUBLISHED
from tricorn.registry import PluginError, Registry
from tricorn.signals import Ended

Install = Callable[..., None]

GOOD = """
from tricorn.api import HttpProvider, hookimpl
tricorn_api = 1
@hookimpl
def tricorn_http():
    return HttpProvider(codec=object)
"""
UNAVAILABLE = """
from tricorn.api import Unavailable, hookimpl
tricorn_api = 1
@hookimpl
def tricorn_http():
    raise Unavailable("the library quick is missing: pip install quick")
"""
BUNDLE = """
from tricorn.api import hookimpl
tricorn_api = 1
@hookimpl
def tricorn_defaults():
    return {defaults!r}
"""


def test_listing_imports_nothing(install: Install) -> None:
    install("acme-fast", "1.0", {"tricorn.http": {"fast": "acme_fast"}}, acme_fast="raise SystemExit")
    registry = Registry()
    assert "fast" in registry.names("http")
    entry = registry.find("http", "fast")
    assert (entry.distribution, entry.version) == ("acme-fast", "1.0")
    assert "acme_fast" not in sys.modules


def test_a_plugin_gives_its_provider_once(install: Install) -> None:
    install("acme-fast", "1.0", {"tricorn.http": {"fast": "acme_fast"}}, acme_fast=GOOD)
    registry = Registry()
    loaded = registry.load("http", "fast")
    assert isinstance(loaded.provider, HttpProvider)
    assert registry.load("http", "fast") is loaded
    assert str(loaded) == "fast 1.0"


def test_one_module_may_serve_two_names(install: Install) -> None:
    install("acme-fast", "1.0", {"tricorn.http": {"fast": "acme_fast", "quick": "acme_fast"}}, acme_fast=GOOD)
    registry = Registry()
    assert registry.load("http", "fast").provider is not registry.load("http", "quick").provider


def test_an_unknown_name_gets_a_close_match_and_the_installed_names() -> None:
    with pytest.raises(PluginError, match="No lifespan plugin 'atuo'; did you mean 'auto'") as caught:
        Registry().load("lifespan", "atuo")
    assert "Installed: auto, off, on." in str(caught.value)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in PUBLISHED.items() for name in names])
def test_a_published_plugin_that_is_not_installed_is_named_as_installable(kind: str, name: str) -> None:
    what = f"plugin '{name}'" if kind == "plugin" else f"{kind} plugin '{name}'"
    with pytest.raises(PluginError) as caught:
        Registry({}).named(kind, name)
    assert str(caught.value) == f"No {what} is installed: pip install tricorn-{kind}-{name}."


def test_two_distributions_with_one_name_are_an_error_that_names_both(install: Install) -> None:
    install("acme-fast", "1.0", {"tricorn.http": {"fast": "acme_fast"}}, acme_fast=GOOD)
    install("other-fast", "2.0", {"tricorn.http": {"fast": "other_fast"}}, other_fast=GOOD)
    with pytest.raises(PluginError, match="claimed by acme-fast 1.0 and other-fast 2.0"):
        Registry().load("http", "fast")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import nothing_of_this_name", "importing acme_bad failed .ModuleNotFoundError"),
        ("raise SystemExit('bye')", "importing acme_bad failed .SystemExit: bye"),
        ("tricorn_api = 2", "written for API 2 of tricorn; this one has 1"),
        ("", "acme_bad does not state tricorn_api = 1"),
        (GOOD.replace("def tricorn_http", "def tricorn_htpp"), "no hook tricorn_htpp; did you mean tricorn_http"),
        (GOOD.replace("tricorn_http()", "tricorn_http(kernel)"), "kernel.*can not be found in the hookspec"),
        (GOOD.replace("@hookimpl", ""), "acme_bad has no @hookimpl tricorn_http"),
        (GOOD.replace("return HttpProvider(codec=object)", "return"), "tricorn_http returned None, not a HttpProvider"),
        (GOOD.replace("return", "1 / 0 #"), "its tricorn_http failed .ZeroDivisionError"),
    ],
    ids=["import", "exit", "api", "no api", "misspelt", "argument", "unmarked", "returns", "raises"],
)
def test_a_broken_plugin_is_one_line_with_distribution_and_version(
    install: Install, caplog: pytest.LogCaptureFixture, source: str, message: str
) -> None:
    install("acme-bad", "1.5", {"tricorn.http": {"bad": "acme_bad"}}, acme_bad=source)
    with pytest.raises(PluginError, match=message) as caught:
        Registry().load("http", "bad")
    assert "'bad' of acme-bad 1.5" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not [record for record in caplog.records if record.levelno > logging.DEBUG]


@pytest.mark.parametrize("source", ["{}", "{}".join(GOOD.split("return HttpProvider(codec=object)"))])
def test_a_signal_while_a_plugin_is_loaded_is_not_the_plugins_fault(install: Install, source: str) -> None:
    raising = "from tricorn.signals import Ended; raise Ended(0)"
    install("acme-bad", "1.5", {"tricorn.http": {"bad": "acme_bad"}}, acme_bad=source.format(raising))
    with pytest.raises(Ended):
        Registry().load("http", "bad")


def test_the_traceback_of_a_broken_plugin_is_shown_at_debug_level(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    install("acme-bad", "1.5", {"tricorn.http": {"bad": "acme_bad"}}, acme_bad="1 / 0")
    with caplog.at_level(logging.DEBUG, "tricorn.error"), pytest.raises(PluginError):
        Registry().load("http", "bad")
    assert any(record.exc_info for record in caplog.records)


def prefer(install: Install, *names: str, package: str = "acme_bundle") -> None:
    source = BUNDLE.format(defaults={"http": list(names)})
    install(package, "3.0", {"tricorn.bundle": {package: package}}, **{package: source})


def test_auto_moves_on_from_what_is_unavailable(install: Install) -> None:
    install("acme-slow", "1.0", {"tricorn.http": {"slow": "acme_slow"}}, acme_slow=UNAVAILABLE)
    install("acme-fast", "1.0", {"tricorn.http": {"fast": "acme_fast"}}, acme_fast=GOOD)
    prefer(install, "slow", "not-installed", "fast")
    chosen = Registry().auto("http")
    assert chosen is not None
    assert chosen.name == "fast"


def test_auto_stops_at_broken_code(install: Install) -> None:
    install("acme-bad", "1.0", {"tricorn.http": {"bad": "acme_bad"}}, acme_bad="1 / 0")
    prefer(install, "bad", "h11")
    with pytest.raises(PluginError, match="ZeroDivisionError"):
        Registry().auto("http")


def test_auto_never_takes_what_nobody_listed(install: Install) -> None:
    install("acme-fast", "1.0", {"tricorn.http": {"fast": "acme_fast"}}, acme_fast=GOOD)
    prefer(install, "not-installed")
    assert Registry().auto("http") is None


def test_an_unavailable_plugin_asked_for_by_name_gives_its_reason(install: Install) -> None:
    install("acme-slow", "1.0", {"tricorn.http": {"slow": "acme_slow"}}, acme_slow=UNAVAILABLE)
    with pytest.raises(Unavailable):
        Registry().load("http", "slow")
    with pytest.raises(PluginError, match="acme-slow 1.0 is unavailable: the library quick is missing"):
        Registry().named("http", "slow")


def test_bundles_that_disagree_are_an_error_that_names_both(install: Install) -> None:
    prefer(install, "h11", package="bundle_one")
    prefer(install, "httptools", package="bundle_two")
    with pytest.raises(PluginError, match="bundle_two 3.0 and the .*bundle_one 3.0 prefer different http"):
        Registry().auto("http")


def test_bundles_that_agree_are_fine(install: Install) -> None:
    prefer(install, "h11", package="bundle_one")
    prefer(install, "h11", package="bundle_two")
    assert Registry().preferred("http") == (["h11"], "bundle_one 3.0")


def test_a_bundle_cannot_prefer_for_an_unknown_kind(install: Install) -> None:
    source = BUNDLE.format(defaults={"htpp": ["h11"]})
    install("acme", "1.0", {"tricorn.bundle": {"acme": "acme_bundle"}}, acme_bundle=source)
    with pytest.raises(PluginError, match="'htpp'"):
        Registry().defaults()


def test_a_provider_can_be_named_by_module_and_attribute(install: Install) -> None:
    install("acme", "1.0", {}, acme_own="from tricorn.api import HttpProvider\ndef make(): return HttpProvider(object)")
    registry = Registry()
    assert isinstance(registry.named("http", "acme_own:make").provider, HttpProvider)
    assert isinstance(registry.named("loop", "asyncio:new_event_loop").provider, LoopProvider)
    with pytest.raises(PluginError, match='Attribute "mak" not found in module "acme_own". Did you mean "make"'):
        registry.named("http", "acme_own:mak")
    with pytest.raises(PluginError, match="is not a WsProvider"):
        registry.named("ws", "acme_own:make")


def test_options_of_plugins_are_collected_and_never_declared_twice(install: Install) -> None:
    source = (
        GOOD + "from tricorn.api import Option\n@hookimpl\ndef tricorn_options(): return [Option({name!r}, 'Help.')]\n"
    )
    install("acme-fast", "1.0", {"tricorn.http": {"fast": "acme_fast"}}, acme_fast=source.format(name="fast_mode"))
    install("acme-bad", "1.0", {"tricorn.http": {"bad": "acme_bad"}}, acme_bad=source.format(name="port"))
    registry = Registry()
    assert registry.options() == []
    registry.load("http", "fast")
    assert [option.name for option, _ in registry.options()] == ["fast_mode"]
    registry.load("http", "bad")
    with pytest.raises(PluginError, match="acme-bad 1.0 declares the option 'port' that tricorn itself has"):
        registry.options()
