"""How large pieces leave: together where the transport can write them so, and not copied."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, cast

import pytest

from tricorn import gathering as module
from tricorn.gathering import LARGE, Gathering
from tricorn.kernel import Kernel

BODY = b"b" * LARGE


class Joining(asyncio.Transport):
    """Has no `writelines` of its own: that of `asyncio.WriteTransport` joins."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Any] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.calls.append(data)


class Scattering(Joining):
    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.calls.append(tuple(list_of_data))


def written(transport: Joining, *pieces: bytes) -> list[Any]:
    gathering = Gathering(cast("Kernel", None))
    gathering._transport, gathering._write = transport, transport.write
    gathering._gathered, gathering._gathered_size = [b"before"], 6
    gathering._write_pieces(*(pieces or (b"head", BODY)))
    return transport.calls


def test_large_pieces_leave_in_one_call_behind_what_waited() -> None:
    before, together = written(Scattering())
    assert before == b"before"
    assert together[0] == b"head"
    assert together[1] is BODY


def test_very_large_pieces_leave_one_by_one_where_the_transport_would_copy_them() -> None:
    body = BODY * 2
    before, head, alone = written(Joining(), b"head", body)
    assert (before, head) == (b"before", b"head")
    assert alone is body


def test_others_leave_together_with_their_neighbours_there() -> None:
    assert written(Joining(), b"1", BODY, b"2", BODY)[1:] == [b"1" + BODY + b"2", BODY]


def test_asyncios_own_way_is_not_trusted_where_it_never_pauses_who_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful(Scattering):
        __module__ = "asyncio.selector_events"

    for forgets, calls in ((True, [BODY, BODY]), (False, [(BODY, BODY)])):
        monkeypatch.setattr(module, "FORGETFUL", forgets)
        assert written(Forgetful(), BODY, BODY)[1:] == calls
        assert written(Scattering(), BODY, BODY)[1:] == [(BODY, BODY)]
