"""The scopes: what depends on settings and on the connection rather than on the request."""

from __future__ import annotations

from typing import Any

import pytest

from tricorn.api import Scope
from tricorn.scope import with_host
from tricorn.testing.calls import Calls
from tricorn.testing.http1_base import request
from tricorn.testing.http1_client import Http1Client
from tricorn.testing.memory_server import memory_server, run_in_memory
from tricorn.testing.strict import STRICT


def scope_of(head: bytes, *, addresses: dict[str, Any] | None = None, **options: Any) -> Scope:
    scopes: list[Scope] = []

    async def check() -> None:
        calls = Calls()
        async with memory_server(calls.app, STRICT, **options) as server:
            Http1Client(server, **addresses or {}).ask_raw(head)
            scopes.append((await calls()).scope)

    run_in_memory(check())
    return scopes[0]


def test_keys_are_those_that_frameworks_know() -> None:
    assert list(scope_of(request())) == [
        "type",
        "asgi",
        "http_version",
        "server",
        "client",
        "scheme",
        "method",
        "root_path",
        "path",
        "raw_path",
        "query_string",
        "headers",
        "state",
    ]


def test_an_ipv6_client() -> None:
    scope = scope_of(request(), addresses={"client": ("::1", 5000, 0, 0), "server": ("::1", 80, 0, 0)})
    assert scope["client"] == ("::1", 5000)
    assert scope["server"] == ("::1", 80)


@pytest.mark.parametrize("target", [b"/a", b"/a?b", b"http://test/a"])
def test_the_root_path_stands_before_both_paths(target: bytes) -> None:
    for _ in range(2):
        scope = scope_of(request(target=target), root_path="/mount")
        assert (scope["path"], scope["raw_path"]) == ("/mount/a", b"/mount/a")
        assert scope_of(request(target=target))["path"] == "/a"


def test_headers_are_the_applications_own() -> None:
    async def check() -> None:
        calls = Calls()
        async with memory_server(calls.app, STRICT) as server:
            client = Http1Client(server)
            for _ in range(2):
                answer = client.ask_raw(request(b"A: b"))
                call = await calls()
                assert call.scope["headers"] == [(b"host", b"test"), (b"a", b"b")]
                call.scope["headers"].append((b"added", b"by a middleware"))
                call.scope["asgi"]["added"] = "by a middleware"
                await call.respond()
                await answer.whole()

    run_in_memory(check())


def test_the_authority_takes_the_place_of_host() -> None:
    assert with_host([(b"a", b"b"), (b"host", b"c")], b"d") == [(b"a", b"b"), (b"host", b"d")]
    assert with_host([(b"a", b"b")], b"d") == [(b"host", b"d"), (b"a", b"b")]
