"""Variables that are uvicorn's, and files of variables."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tricorn import Config
from tricorn.environment import EnvironmentVariableError, adopted, load_env_file


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS", "COLOUR"):
        monkeypatch.setenv(name, "")  # so that it is restored whatever a test does
        monkeypatch.delenv(name)


def test_workers_are_one_without_anything() -> None:
    assert Config("app:app", log_config=None).workers == 1
    assert Config("app:app", log_config=None, workers=0).workers == 1


def test_web_concurrency_counts_where_workers_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "3")
    assert Config("app:app", log_config=None).workers == 3
    assert Config("app:app", log_config=None, workers=2).workers == 2


def test_a_web_concurrency_that_is_no_number_is_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "many")
    with pytest.raises(SystemExit):
        Config("app:app", log_config=None)
    assert caplog.messages == ["WEB_CONCURRENCY is 'many', which is no number of workers."]


def test_trusted_peers_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Config("app:app", log_config=None).forwarded_allow_ips == "127.0.0.1,::1"
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "10.0.0.0/8")
    assert Config("app:app", log_config=None).forwarded_allow_ips == "10.0.0.0/8"
    assert Config("app:app", log_config=None, forwarded_allow_ips="*").forwarded_allow_ips == "*"


def test_a_file_of_variables_sets_what_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLOUR", "red")
    (tmp_path / "vars").write_text("COLOUR=blue\nWEB_CONCURRENCY=4\n")
    config = Config("app:app", log_config=None, env_file=tmp_path / "vars")
    assert (os.environ["COLOUR"], config.workers) == ("red", 4)


def test_a_missing_file_of_variables_is_named() -> None:
    with pytest.raises(EnvironmentVariableError, match="no environment file 'nowhere' \\(--env-file\\)"):
        load_env_file("nowhere")


def test_uvicorns_variables_count_where_ours_are_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UVICORN_PORT", "1")
    monkeypatch.setenv("UVICORN_HOST", "a")
    monkeypatch.setenv("TRICORN_HOST", "b")
    assert adopted(["port", "host", "uds"]) == ["UVICORN_PORT"]
