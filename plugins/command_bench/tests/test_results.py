"""Which combinations are chosen, what is made of the samples, and what a reader is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from tests.compiler import PREFERRED
from tests.servers import HTTP
from tricorn.registry import PluginError, Registry
from tricorn_command_bench import plot
from tricorn_command_bench.combinations import combinations
from tricorn_command_bench.measuring import Sample, percentile
from tricorn_command_bench.results import Result, document, drawn, notes

KINDS = ["http", "loop"]


def sample(**changed: Any) -> Sample:
    values: dict[str, Any] = {"answers": 1000, "seconds": 1.0, "p50": 0.001, "p99": 0.002, "cpu": 0.5}
    values |= {"memory": 1 << 25, "client": 0.5, "failures": {}}
    return Sample(**{**values, **changed})


def result(http: str, *samples: Sample, failure: str | None = None) -> Result:
    return Result({"http": http, "ws": "frames", "loop": "uvloop"}, list(samples), failure)


def test_without_names_all_that_serve_http_1_are_compared() -> None:
    found = combinations(Registry(), {}, websockets=False)
    assert {c["http"] for c in found} == set(HTTP)
    assert {c["loop"] for c in found} == {"uvloop", "asyncio"}
    assert {c["ws"] for c in found} == {"frames"}
    assert found[0] == {"http": PREFERRED, "ws": "frames", "loop": "uvloop"}
    assert {c["ws"] for c in combinations(Registry(), {}, websockets=True)} == {"frames", "websockets", "wsproto"}


def test_named_plugins_are_compared_once() -> None:
    values = {"http": "h11, auto,h11", "ws": "none", "loop": "asyncio"}
    found = combinations(Registry(), values, websockets=False)
    assert [c["http"] for c in found] == ["h11", PREFERRED]
    assert {(c["ws"], c["loop"]) for c in found} == {("none", "asyncio")}


@pytest.mark.parametrize(
    ("values", "message"),
    [({"http": "h2"}, "does not serve HTTP/1.1"), ({"loop": "uvlop"}, "did you mean 'uvloop'")],
    ids=["version", "name"],
)
def test_what_cannot_be_compared_is_refused(values: dict[str, str], message: str) -> None:
    with pytest.raises(PluginError, match=message):
        combinations(Registry(), values, websockets=False)


def test_the_fastest_stands_first_by_the_median_of_its_rounds() -> None:
    slow = result("h11", sample(answers=3000), sample(answers=10), sample(answers=20))
    fast = result("httptools", sample(answers=1000), sample(answers=2000))
    table = drawn([slow, fast], KINDS, "requests")
    assert table.columns[:3] == ["http", "loop", "requests/s"]
    assert [list(row.cells[:3]) for row in table.rows] == [["httptools", "uvloop", "1,500"], ["h11", "uvloop", "20"]]
    assert list(table.rows[0].cells[3:]) == ["1.00", "2.00", "37.50", "32.0", "0"]


def test_what_came_instead_of_answers_is_shown() -> None:
    broken = result("h11", sample(failures={"500": 2}), sample(failures={"500": 1, "connection lost": 1}))
    (row,) = drawn([broken], KINDS, "requests").rows
    assert (row.cells[-1], row.tone) == ("3 x 500, 1 x connection lost", "bad")


def test_rounds_that_overlap_are_no_difference() -> None:
    first, second = result("h11", sample(answers=30), sample(answers=20)), result("httptools", sample(answers=10))
    assert notes([first, second], KINDS) == []
    second.samples.append(sample(answers=21))
    (note,) = notes([first, second], KINDS)
    assert note == "No difference yet, because their rounds overlap: h11 uvloop, httptools uvloop."


def test_a_client_at_its_limit_is_told() -> None:
    limited = result("httptools", sample(client=0.99))
    fine = result("h11", sample(answers=1, client=0.99, cpu=0.98))
    assert (limited.client_limited, fine.client_limited) == (True, False)
    (note,) = notes([limited, fine], KINDS)
    assert note.startswith("The clients were at their limit before the server was: httptools uvloop. ")
    assert document(limited)["client_limited"] is True


def test_a_failed_combination_is_told_and_has_no_numbers() -> None:
    failed = result("h11", failure="no luck")
    assert notes([failed], KINDS) == ["h11 uvloop failed: no luck"]
    assert drawn([failed], KINDS, "requests").rows == []
    assert "rate" not in document(failed)


def test_percentiles_are_values_that_were_seen() -> None:
    values = [float(number) for number in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([7.0], 0.99)) == (50, 99, 7)


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG\r\n\x1a\n"), ("a.svg", b"<?xml")])
def test_the_picture_is_of_the_format_that_its_name_says(name: str, start: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    shown = [result("h11", sample(), sample(answers=1100)), result("httptools", sample(answers=2000))]
    plot.draw(shown, KINDS, "requests", "main:app", path)
    content = path.read_bytes()
    assert content.startswith(start)
    assert content.rstrip().endswith(b"</svg>" if name == "a.svg" else b"IEND\xaeB`\x82")


def test_a_picture_that_cannot_be_drawn_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(path: Path) -> Path | None:
        return plot.check(click.Context(click.Command("x")), click.Option(["--plot"]), path)

    assert check(tmp_path / "a.svg") == tmp_path / "a.svg"
    with pytest.raises(click.BadParameter, match="ends in none of .png, .svg"):
        check(tmp_path / "a.gif")
    with pytest.raises(click.BadParameter, match="there is no directory"):
        check(tmp_path / "none" / "a.svg")
    monkeypatch.setattr(plot, "find_spec", lambda name: None)
    with pytest.raises(click.BadParameter, match=r"pip install 'tricorn-command-bench\[plot\]'"):
        check(tmp_path / "a.svg")
