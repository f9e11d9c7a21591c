"""Status lines and the server's own short answers."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from tricorn.api import Refusal
from tricorn.responses import STATUS_LINES, http_date, refusal_body


def test_every_status_has_a_line() -> None:
    assert sorted(STATUS_LINES) == list(range(100, 600))
    assert all(line.startswith(b"HTTP/1.1 %d " % status) for status, line in STATUS_LINES.items())
    assert all(line.endswith(b"\r\n") and line.count(b"\r\n") == 1 for line in STATUS_LINES.values())


def test_known_statuses_have_their_phrase_and_others_an_empty_one() -> None:
    assert STATUS_LINES[404] == b"HTTP/1.1 404 Not Found\r\n"
    assert STATUS_LINES[599] == b"HTTP/1.1 599 \r\n"


@pytest.mark.parametrize("status", [400, 408, 413, 414, 417, 431, 501, 503, 505])
def test_a_refusal_tells_nothing_of_the_request(status: int) -> None:
    body = refusal_body(Refusal(status, "the reason, which is for the log"))
    assert body
    assert b"reason" not in body


@pytest.mark.parametrize("second", [0, 784111777, 951782400, 1709251199, 4102444799])
def test_a_date_is_written_as_the_email_package_does(second: int) -> None:
    assert http_date(second).decode() == formatdate(second, usegmt=True)
