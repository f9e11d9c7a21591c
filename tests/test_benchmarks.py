"""The harness of the benchmarks: what it computes, and that its loads and servers fit together. Nothing is timed."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys

import pytest
import websockets

from benchmarks import apps, engines, floor, goals, growth, plot, report, rounds, workloads
from benchmarks.__main__ import main
from benchmarks.instructions import SHAPES, fits, instructions
from benchmarks.loads import Failed, h2load
from benchmarks.loads.paced import quantile
from benchmarks.loads.wrk import parse, values
from benchmarks.memory import MemoryClient, MemoryTransport
from benchmarks.memory_websocket import WebSocketClient
from benchmarks.process import ROOT
from benchmarks.rounds import Sample, Settings, plan
from benchmarks.servers import ACCESS_LOG, HTTP, Launch, Server, catalogue

TRICORN, UVICORN = "tricorn-httptools-uvloop", "uvicorn-httptools-uvloop"


def sample(server: str, number: int, rate: float, error: str | None = None) -> Sample:
    return Sample("plain", False, server, number, {"rate": rate, "cpu": 1e5 / rate}, error)


def test_a_ratio_is_taken_within_a_round_and_the_median_counts() -> None:
    samples = []
    for number, (ours, theirs) in enumerate([(20, 10), (60, 20), (4, 4)]):
        samples += [sample(TRICORN, number, ours), sample(UVICORN, number, theirs)]
    assert report.ratios(samples, TRICORN, UVICORN) == [2, 3, 1]
    (entry,) = [entry for entry in report.summarize(samples, UVICORN) if entry["server"] == TRICORN]
    assert entry["ratios"][UVICORN]["median"] == 2


def test_the_log_off_and_on_is_measured_one_behind_the_other() -> None:
    plain, other = workloads.WORKLOADS["plain"], workloads.WORKLOADS["headers"]
    ours, theirs = catalogue()[TRICORN], catalogue()[UVICORN]
    meetings = [(plain, False, [ours, theirs]), (other, False, [ours]), (plain, True, [ours])]
    assert list(rounds.turns(meetings, 2)) == [
        (0, ours, plain, False),
        (0, ours, plain, True),
        (0, theirs, plain, False),
        (1, theirs, plain, False),
        (1, ours, plain, False),
        (1, ours, plain, True),
        (0, ours, other, False),
        (1, ours, other, False),
    ]


def test_a_round_in_which_a_server_failed_is_left_out() -> None:
    samples = [sample(TRICORN, 0, 30), sample(UVICORN, 0, 10), sample(TRICORN, 1, 30), sample(UVICORN, 1, 1, "died")]
    assert report.ratios(samples, TRICORN, UVICORN) == [3]


def test_of_a_cost_less_is_better() -> None:
    assert report.better("latency", 2.0, 4.0) == 2
    assert report.better("plain", 2.0, 4.0) == 0.5


def test_a_baseline_that_nobody_named_takes_part() -> None:
    both = Server("a", lambda launch: [], (), frozenset({HTTP, ACCESS_LOG}), ("python-h11",))
    assert plan([both], [], Settings()) == []
    with_baseline = Server("a", both.command, (), both.abilities, (UVICORN,))
    ((_, _, taking),) = plan([with_baseline], workloads.select(["plain"]), Settings())
    assert [server.name for server in taking] == [UVICORN, "a"]


def test_a_goal_is_judged_by_the_median_of_its_rounds() -> None:
    samples = []
    for number, (ours, theirs) in enumerate([(20, 10), (30, 20), (60, 20)]):
        samples += [sample(TRICORN, number, ours), sample(UVICORN, number, theirs)]
    close, far = goals.Goal("plain", TRICORN, UVICORN, 2.0), goals.Goal("plain", TRICORN, UVICORN, 2.1)
    samples += [sample(goals.FLOOR, number, 80) for number in range(3)]
    met, missed = goals.judge(samples, [close, far])
    assert (met.ratio, met.met, missed.met, met.rounds, met.floor) == (2, True, False, 3, 4)
    assert goals.table([met, missed]).splitlines()[-1] == "1 of 2 goals are met"


def test_a_server_is_judged_against_itself_with_the_log_off() -> None:
    on = Sample("plain", True, TRICORN, 0, {"rate": 95, "cpu": 1})
    (verdict,) = goals.judge(
        [sample(TRICORN, 0, 100), on], [goals.Goal("plain", TRICORN, TRICORN, 0.9, None, True, "log")]
    )
    assert (verdict.ratio, verdict.met) == (0.95, True)
    assert verdict.goal.about == f"plain with the access log on: {TRICORN} to itself without the log"


def test_a_goal_without_samples_has_no_verdict() -> None:
    failed = sample(UVICORN, 0, 1, "died")
    assert goals.judge([sample(TRICORN, 0, 30), failed], [goals.Goal("plain", TRICORN, UVICORN, 1.0)]) == []


def test_what_the_goals_need_is_measured() -> None:
    wanted = goals.on(workloads.select(["plain", "workers-2"]))
    places = {(workload.name, log): {server.name for server in met} for workload, log, met in goals.meetings(wanted)}
    assert {TRICORN, UVICORN, goals.FLOOR} <= places["plain", False]
    assert places["plain", True] == {TRICORN, UVICORN}
    assert places["workers-1", False] == places["workers-2", False] == {TRICORN}


def test_a_run_that_is_interrupted_keeps_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    def take(place: rounds.Place, server: Server, workload: object, access_log: bool, number: int) -> Sample:
        if number == 2:
            raise KeyboardInterrupt
        return sample(server.name, number, 1.0)

    monkeypatch.setattr(rounds, "take", take)
    meeting = workloads.WORKLOADS["plain"], False, [catalogue()["tricorn-h11-asyncio"]]
    settings = Settings(client_core=min(os.sched_getaffinity(0)))
    samples = rounds.run([meeting], settings, lambda sample: None)
    assert [each.round for each in samples] == [0, 1]


def test_the_floor_echoes_the_first_message_for_each_that_comes() -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: floor.Floor(13), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with websockets.connect(f"ws://127.0.0.1:{port}", compression=None) as client:
            for _ in range(2):
                await client.send("m" * 1024)
                assert await client.recv() == "m" * 1024
        server.close()

    asyncio.run(run())


def test_the_floor_answers_behind_a_body_and_closes_where_it_is_asked_to() -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: floor.Floor(1024), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        answer = floor.HEAD % 1024 + b"f" * 1024
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n1")
        await writer.drain()
        writer.write(b"234")
        assert await reader.readexactly(len(answer)) == answer
        writer.write(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert await reader.read() == answer
        writer.close()
        server.close()

    asyncio.run(run())


def test_every_workload_has_an_application_that_can_be_imported() -> None:
    for workload in workloads.WORKLOADS.values():
        if ":" not in workload.app:
            assert callable(getattr(apps, workload.app)), workload.name


def test_an_unknown_workload_is_said_to_be_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--workloads", "nonsense"]) == 2
    assert "no workload is called 'nonsense'" in capsys.readouterr().err


def test_all_servers_and_workloads_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    assert TRICORN in shown
    assert "unique" in shown


def test_the_report_of_wrk_becomes_rates_and_cpu_time() -> None:
    line = (
        'REPORT {"requests": 200, "seconds": 2.0, "bytes": 2000, "p50_ms": 1, "p99_ms": 2, "p999_ms": 3, "max_ms": 4, '
        '"errors": 0}'
    )
    found = values(parse(f"Running\n{line}\n"), cpu=1.0, client=0.5, elapsed=2.0)
    assert (found["rate"], found["cpu"], found["server_busy"]) == (100, 500, 0.5)
    with pytest.raises(Failed, match="gave no report"):
        parse("unable to connect")


def test_the_report_of_h2load_becomes_rates() -> None:
    output = (
        "finished in 2.00s, 2277.50 req/s, 267.93KB/s\n"
        "requests: 4555 total, 4587 started, 4555 done, 4555 succeeded, 0 failed, 0 errored, 0 timeout\n"
    )
    assert h2load.parse(output) == {"rate": 2277.5, "requests": 4555, "errors": 0}
    with pytest.raises(Failed, match="answered nothing"):
        h2load.parse("Could not connect")


def test_a_quantile_is_a_value_that_was_measured() -> None:
    assert [quantile([1.0, 2.0, 3.0, 4.0], q) for q in (0.0, 0.5, 0.99)] == [1, 3, 4]


def test_the_instructions_of_a_profile_are_its_totals() -> None:
    assert instructions("events: Ir\nfn=main\n1 5\ntotals: 1234\n") == 1234
    with pytest.raises(ValueError, match="no totals"):
        instructions("events: Ir\n")


def in_memory(*arguments: str) -> list[str]:
    """The lines that a command of the harness prints, in a process of its own: it forks."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_bytecodes_are_counted_by_whose_they_are() -> None:
    engines_ = ("nothing", "calls", "tricorn-h11", "tricorn-ws-websockets")
    lines = in_memory(
        "bytecodes", *engines_, "--shapes", "plain", "unique", "connections", "ws-16b", "--requests", "20"
    )
    found = {}
    for line in lines:
        name, total, parts = re.fullmatch(r"(\S+, \S+) +([\d,]+)  \((.*)\)", line).groups()  # type: ignore[union-attr]
        found[name] = int(total.replace(",", "")), parts
    assert found.keys() == {
        *(f"{name}, {shape}" for name in ("nothing", "tricorn-h11") for shape in ("plain", "unique", "connections")),
        *("nothing, ws-16b", "calls, plain", "calls, unique", "tricorn-ws-websockets, ws-16b"),
    }
    assert found["nothing, plain"][0] < found["calls, plain"][0] < found["tricorn-h11, plain"][0]
    assert found["tricorn-h11, plain"][0] < found["tricorn-h11, connections"][0]
    assert found["tricorn-h11, plain"][0] < found["tricorn-h11, unique"][0]  # it reads what it has not read before
    assert "websockets " in found["tricorn-ws-websockets, ws-16b"][1]
    assert "tricorn " in found["tricorn-h11, plain"][1]
    assert not any("apps" in parts or "memory" in parts for _, parts in found.values())
    listed = in_memory("bytecodes", "tricorn-h11", "--shapes", "plain", "--functions", "5", "--requests", "20")
    assert len(listed) == 6


def test_microseconds_are_measured_for_each_engine() -> None:
    lines = in_memory("microseconds", "calls", "tricorn-h11", "--requests", "100", "--rounds", "2")
    assert [line.split()[0] for line in lines[1:]] == ["calls", "tricorn-h11"]


@pytest.mark.parametrize("name", ["nothing", "calls", "tricorn-httptools", "tricorn-h11+log", "uvicorn-httptools+log"])
def test_an_engine_answers_the_client_in_memory(name: str) -> None:
    async def run() -> int:
        request = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        client = MemoryClient(engines.build(name)(apps.plain), request, 4, 3)
        await client.run(40)
        return client.length

    assert asyncio.run(run()) > len(apps.HELLO)


class Batches(WebSocketClient):
    """Counts what was answered."""

    number = 0

    def answered(self, transport: MemoryTransport) -> None:
        self.number += 1
        super().answered(transport)


@pytest.mark.parametrize(
    ("name", "compressed"),
    [(name, deflate) for name in engines.names() for deflate in (False, True) if engines.takes(name, True, deflate)],
)
@pytest.mark.parametrize(("size", "depth"), [(16, 16), (65_536, 2), (1024, 1)])
def test_an_engine_echoes_to_the_websocket_client_in_memory(name: str, compressed: bool, size: int, depth: int) -> None:
    async def run() -> int:
        client = Batches(engines.build(name)(apps.ws_echo), size, depth, 3, compressed)
        await client.run(depth * 20)
        return client.number

    assert asyncio.run(run()) == 20


def test_a_handshake_that_is_refused_ends_the_run_in_memory() -> None:
    async def run() -> None:
        await WebSocketClient(engines.build("uvicorn-httptools")(apps.plain), 16, 1, 1, False).run(1)

    with pytest.raises(RuntimeError, match="unexpected answer to a handshake: b'HTTP/1.1 200"):
        asyncio.run(run())


def test_shapes_are_counted_where_they_can_be_served() -> None:
    fitting = {engine: [shape for shape in SHAPES if fits(engine, shape)] for engine in engines.names()}
    assert "plain" in fitting["tricorn-h11"]
    assert "ws-16b" not in fitting["tricorn-h11"]
    assert fitting["tricorn-ws-frames"] == fitting["uvicorn-ws-wsproto"]
    assert set(SHAPES) - set(fitting["tricorn-ws-frames"]) == set(fitting["tricorn-h11"])
    assert set(SHAPES) - set(fitting["nothing"]) == {"ws-1k-deflate"}


def test_growth_measures_what_grows(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "REPEATS", 1)
    assert growth.main(["tricorn-httptools", "--quick"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 5
    assert "by connections" in shown[1]


@pytest.mark.parametrize("size", [60, 100, 1_000, 10_000])
def test_a_head_of_growth_has_the_size_that_was_asked_for(size: int) -> None:
    assert abs(len(growth.head_of(size)) - size) < 10


def test_a_plot_shows_what_was_compared() -> None:
    samples = [sample(TRICORN, 0, 30), sample(UVICORN, 0, 10)]
    assert plot.bars(report.summarize(samples, UVICORN)) == [(f"plain: {TRICORN}", TRICORN, 3)]
    with pytest.raises(ValueError, match="nothing to draw"):
        plot.draw({"summary": []}, None)  # type: ignore[arg-type]


def test_a_command_line_pins_parser_loop_and_log(tmp_path: object) -> None:
    from benchmarks.servers import tricorn

    command = tricorn("h11", "asyncio", "wsproto")(Launch("m:app", 1, None))  # type: ignore[arg-type]
    assert "--http h11 --loop asyncio --ws wsproto --no-access-log" in " ".join(command)
