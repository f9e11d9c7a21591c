from __future__ import annotations

import pytest

from tricorn.config import Config
from tricorn_supervisor_reload.supervisor import GRACE, TOLD, BaseReload


@pytest.mark.parametrize(("configured", "used"), [(None, GRACE), (0.5, 0.5), (60.0, 60.0)])
def test_a_restart_waits_for_requests_but_tells_streams_at_once(configured: float | None, used: float) -> None:
    config = Config("app:app", log_config=None, timeout_graceful_shutdown=configured)
    BaseReload(config)
    assert config.timeout_graceful_shutdown == used
    assert config.timeout_graceful_streams == TOLD


def test_streams_that_are_never_to_be_told_are_not() -> None:
    config = Config("app:app", log_config=None, timeout_graceful_streams=0)
    BaseReload(config)
    assert config.timeout_graceful_streams == 0
