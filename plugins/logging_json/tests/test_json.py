"""Every line of the log is a JSON object that says all that the record does."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from tricorn.logging import LOGGING_CONFIG
from tricorn_logging_json import JsonFormatter, access_renderer, configure

DEADLINE = 30.0

APP = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        if scope["path"] == "/raise":
            raise RuntimeError('of "the" application')
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
"""


def formatted(name: str = "tricorn.error", **attributes: Any) -> dict[str, Any]:
    record = logging.makeLogRecord({"name": name, "levelno": logging.INFO, "levelname": "INFO", **attributes})
    line = JsonFormatter().format(record)
    assert "\n" not in line
    parsed: dict[str, Any] = json.loads(line)
    return parsed


def test_a_record_keeps_its_message_level_and_time() -> None:
    line = formatted(msg="Started [%d]\n", args=(7,), created=0.25)
    assert line == {
        "time": "1970-01-01T00:00:00.250+00:00", "level": "info", "logger": "tricorn.error", "message": "Started [7]"
    }  # fmt: skip


def test_what_was_given_as_extra_keeps_its_name() -> None:
    assert formatted(msg="x", request_id=SimpleNamespace(a=1))["request_id"] == "namespace(a=1)"
    assert "color_message" not in formatted(msg="x", color_message="y")


def test_an_exception_has_its_traceback() -> None:
    try:
        raise ValueError("broken\nin two lines")
    except ValueError:
        line = formatted(msg="It failed", exc_info=sys.exc_info())
    assert "ValueError: broken\nin two lines" in line["exception"]


def test_an_access_record_has_its_parts_either_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = ("127.0.0.1:5", "GET", "/ü%22", "1.1", 404)
    slow = formatted("tricorn.access", msg='%s - "%s %s HTTP/%s" %d', args=record)
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    monkeypatch.setattr(logging.getLogger("tricorn.access"), "handlers", [handler])
    render = access_renderer(None)
    assert render is not None
    fast = json.loads(render(*record))
    assert abs(datetime.fromisoformat(fast.pop("time")) - datetime.fromisoformat(slow.pop("time"))).days == 0
    assert fast == slow
    assert (fast["status"], fast["path"]) == (404, "/ü%22")


def test_a_configuration_of_ones_own_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logging.getLogger("tricorn.access")
    monkeypatch.setattr(logger, "handlers", [])
    own = {"version": 1, "disable_existing_loggers": False}
    configure(SimpleNamespace(log_config=own, log_level=None, access_log_format=None, access_log=True))
    assert access_renderer(None) is None
    assert LOGGING_CONFIG["formatters"]["default"]["()"] == "tricorn.logging.DefaultFormatter"


def test_the_server_logs_nothing_but_json(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(APP)
    flags = ("--port", "0", "--logging", "json", "--app-dir", str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-m", "tricorn", "main:app", *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        watchdog = threading.Timer(DEADLINE, process.kill)
        watchdog.start()
        log = [json.loads(process.stderr.readline())]
        while "running on" not in log[-1]["message"]:
            log.append(json.loads(process.stderr.readline()))
        url = log[-1]["message"].partition(" running on ")[2].partition(" ")[0]
        assert httpx.get(url + "/a", timeout=DEADLINE).status_code == 200
        assert httpx.get(url + "/raise", timeout=DEADLINE).status_code == 500
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate()
        watchdog.cancel()
    access = [json.loads(line) for line in output.splitlines()]
    assert [(line["path"], line["status"]) for line in access] == [("/a", 200), ("/raise", 500)]
    log += [json.loads(line) for line in errors.splitlines()]
    (failed,) = [line for line in log if "exception" in line]
    assert failed["level"] == "error"
    assert 'RuntimeError: of "the" application' in failed["exception"]
