"""Unmasking without the C helper gives the same, and the plugin works without it."""

from __future__ import annotations

import importlib
import sys

import pytest

from tricorn_ws_frames.masking import unmask, unmask_in_python


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 7, 8, 125, 1000, 65537])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_both_ways_to_unmask_agree(size: int, kind: type) -> None:
    data = bytes(index * 7 % 256 for index in range(size))
    mask = b"\x01\x80\xff\x00"
    expected = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))
    for function in (unmask, unmask_in_python):
        result = function(kind(data), mask)
        assert type(result) is bytes
        assert result == expected


def test_without_the_library_python_unmasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "websockets.speedups", None)
    monkeypatch.delitem(sys.modules, "tricorn_ws_frames.masking")
    masking = importlib.import_module("tricorn_ws_frames.masking")
    assert masking.unmask is masking.unmask_in_python
