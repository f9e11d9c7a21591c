"""uvicorn's names of the supervisors: the plugins' classes, and what is said where a plugin is missing."""

from __future__ import annotations

import pytest

from tricorn import Config, supervisors
from tricorn.supervisors.process import Process
from tricorn_supervisor_reload import BaseReload, ChangeReload, StatReload
from tricorn_supervisor_workers import Multiprocess


def test_the_classes_are_those_of_the_plugins() -> None:
    named = (supervisors.ChangeReload, supervisors.BaseReload, supervisors.StatReload, supervisors.Multiprocess)
    assert named == (ChangeReload, BaseReload, StatReload, Multiprocess)
    assert supervisors.Process is Process


def test_uvicorns_modules_have_them_too() -> None:
    from tricorn.supervisors.basereload import BaseReload as Base
    from tricorn.supervisors.multiprocess import Multiprocess as Workers
    from tricorn.supervisors.statreload import StatReload as Stat

    assert (Base, Workers, Stat) == (BaseReload, Multiprocess, StatReload)


def test_a_process_takes_a_target_and_sockets_or_sockets_alone() -> None:
    """As in uvicorn before 0.51, and since."""
    config = Config("app:app", log_config=None)
    processes = [Process(config, print, []), Process(config, []), Process(config, sockets=[])]
    assert not any(process.is_alive(timeout=1) for process in processes)


def test_a_missing_plugin_is_told_when_its_class_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tricorn.entries.scan", lambda: {"supervisor": []})

    class Own(supervisors.ChangeReload):  # type: ignore[misc]
        pass

    with pytest.raises(ImportError, match="ChangeReload is part of the supervisor plugin 'reload': pip install"):
        Own("config", target=None, sockets=[])


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = supervisors.Nothing
