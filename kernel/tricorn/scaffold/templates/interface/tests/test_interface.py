"""An object of this kind is recognised and answers; other applications are left alone."""

from __future__ import annotations

import asyncio
import urllib.request
from typing import Any

import pytest

from tricorn.testing import serve
from tricorn_interface_example import matches


class Site:
    async def answer(self, method: str, path: str, body: bytes) -> tuple[int, str]:
        return 200, f"{method} {path} {len(body)}"


async def asgi3(scope: Any, receive: Any, send: Any) -> None: ...


def fetch(url: str, body: bytes | None = None) -> bytes:
    with urllib.request.urlopen(url, body, timeout=30) as response:
        answer: bytes = response.read()
        return answer


@pytest.mark.parametrize("interface", ["auto", "example"])
def test_an_object_answers_requests(interface: str) -> None:
    async def run() -> None:
        async with serve(Site(), interface=interface, lifespan="off") as url:
            assert await asyncio.to_thread(fetch, url + "/tea") == b"GET /tea 0"
            assert await asyncio.to_thread(fetch, url + "/tea", b"x" * 100_000) == b"POST /tea 100000"

    asyncio.run(run())


def test_other_applications_are_not_taken_for_one() -> None:
    assert not matches(asgi3)
    assert not matches(object())
