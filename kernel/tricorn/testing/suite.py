"""What the conformance suites are made of: plain classes whose `check_*` methods run with or without pytest.

A suite is a subclass of `Suite` that says nothing about a plugin; it holds the checks of one kind:

    class CodecSuite(Suite):
        kind = "http"
        trailers = True                       # a capability flag, which a plugin's subclass may switch off

        def check_target_is_kept(self) -> None:
            codec = self.provider().codec()
            ...

        async def check_something_that_waits(self) -> None:
            ...

        @each(lf=b"GET / HTTP/1.1\\n", nul=b"\\0")      # one check per case; called with the case
        def check_refuses(self, head: bytes) -> None:
            ...

        @needs("trailers")                    # exists only where the flag is true
        def check_trailers(self) -> None:
            ...

A plugin's author subclasses it in a test module, and every check is a test of its own there:

    class TestMine(CodecSuite):
        plugin = "http", "mine"

`tricorn check http mine` runs the same checks without pytest. A check fails by raising, plain `assert` included; every
check gets a fresh instance. Nothing here imports pytest: a suite is usable wherever tricorn is installed.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

__all__ = ["Outcome", "Suite", "each", "needs", "run_suite"]

Check = TypeVar("Check", bound=Callable[..., Any])


def each(**cases: Any) -> Callable[[Check], Check]:
    """Run the check once per case: `check_x` becomes `check_x[name]`, called with the case's value."""

    def mark(check: Check) -> Check:
        check.__suite_cases__ = cases  # type: ignore[attr-defined]
        return check

    return mark


def needs(flag: str) -> Callable[[Check], Check]:
    """Let the check exist only in suites whose attribute `flag` is true: what a plugin cannot do is not checked."""

    def mark(check: Check) -> Check:
        check.__suite_needs__ = flag  # type: ignore[attr-defined]
        return check

    return mark


class Suite:
    """The base of every suite.

    kind: the kind of plugin that the checks are about. plugin: kind and name of the plugin under test; set by the
    subclass that runs, absent from a suite that only declares checks.
    """

    kind: ClassVar[str]
    plugin: ClassVar[tuple[str, str]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give a suite that names its plugin one `test_*` method per check, which is what pytest collects."""
        super().__init_subclass__(**kwargs)
        if getattr(cls, "plugin", None) is not None:
            for name, call in cls.checks():
                setattr(cls, "test_" + name, _as_test(cls, name, call))

    @classmethod
    def applies(cls, provider: Any) -> bool:
        """Whether the suite has anything to say about this provider (a codec suite about a provider with a codec)."""
        return True

    @classmethod
    def provider(cls) -> Any:
        """What the plugin's hook returned; the plugin is loaded once per suite, by the rules of the registry.

        Raises PluginError (one line, naming the distribution) when it cannot be loaded.
        """
        if "_provider" not in cls.__dict__:
            from tricorn.registry import Registry

            cls._provider = Registry().load(*cls.plugin).provider
        return cls._provider

    _provider: ClassVar[Any]

    def run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run an asynchronous check; on a new asyncio loop unless a suite says otherwise."""
        asyncio.run(coroutine)

    @classmethod
    def checks(cls) -> Iterator[tuple[str, Callable[[Suite], Any]]]:
        """The checks that apply, in the order of their names: (name without `check_`, call)."""
        for attribute in sorted(dir(cls)):
            if not attribute.startswith("check_"):
                continue
            check = getattr(cls, attribute)
            flag = getattr(check, "__suite_needs__", None)
            if flag is not None and not getattr(cls, flag):
                continue
            name = attribute.removeprefix("check_")
            cases = getattr(check, "__suite_cases__", None)
            if cases is None:
                yield name, check
                continue
            for case, value in cases.items():
                yield f"{name}[{case}]", _with_case(check, value)


def _with_case(check: Callable[..., Any], value: Any) -> Callable[[Suite], Any]:
    return lambda suite: check(suite, value)


def _perform(suite: Suite, call: Callable[[Suite], Any]) -> None:
    result = call(suite)
    if inspect.iscoroutine(result):
        suite.run(result)


def _as_test(cls: type[Suite], name: str, call: Callable[[Suite], Any]) -> Callable[[Suite], None]:
    # Not functools.wraps: pytest would follow __wrapped__ and take the check's parameters for fixtures.
    def test(self: Suite) -> None:
        _perform(self, call)

    test.__name__ = "test_" + name
    test.__qualname__ = f"{cls.__qualname__}.test_{name}"
    test.__module__ = cls.__module__
    test.__doc__ = call.__doc__
    return test


@dataclass(frozen=True)
class Outcome:
    """The result of one check: `error` is None where it passed."""

    name: str
    error: BaseException | None


def run_suite(suite: type[Suite]) -> Iterator[Outcome]:
    """Run every check of a suite that names its plugin; one failing does not stop the others."""
    for name, call in suite.checks():
        try:
            _perform(suite(), call)
        except Exception as error:
            yield Outcome(name, error)
        else:
            yield Outcome(name, None)
