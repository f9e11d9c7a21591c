"""The loop passes what the kernel asks of every loop, and says why it cannot be had where it cannot."""

from __future__ import annotations

import importlib
import sys

import pytest

from tricorn.api import Unavailable
from tricorn.testing.loop import LoopSuite


class TestUvloop(LoopSuite):
    plugin = "loop", "uvloop"


def test_a_missing_library_makes_the_plugin_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    monkeypatch.delitem(sys.modules, "tricorn_loop_uvloop", raising=False)
    with pytest.raises(Unavailable, match="uvloop cannot be imported"):
        importlib.import_module("tricorn_loop_uvloop")
