"""The conformance kit, public: suites that a plugin's author subclasses, and a server for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tricorn.testing.suite import Outcome, Suite, each, needs, run_suite

if TYPE_CHECKING:
    from tricorn.testing.serving import serve

__all__ = ["Outcome", "Suite", "each", "needs", "run_suite", "serve"]


def __getattr__(name: str) -> Any:
    # The suites of codecs need no server; `serve` is imported by those who serve.
    if name == "serve":
        from tricorn.testing.serving import serve

        return serve
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
