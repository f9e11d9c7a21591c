"""The command line of the harness: `python -m benchmarks run|goals|list|show`, and what runs by itself (`APART`)."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from importlib import import_module
from pathlib import Path

from benchmarks import goals, report, rounds, servers, workloads

DEFAULT_SERVERS = ["tricorn-*", "uvicorn-*"]
DEFAULT_WORKLOADS = ["plain"]

APART = {
    "instructions": "count instructions under callgrind",
    "microseconds": "measure CPU time in memory",
    "bytecodes": "count bytecodes, by whose they are",
    "growth": "how cost grows with connections, fields and bodies",
}
"""The modules that measure in memory, each with options of its own."""


def parser() -> argparse.ArgumentParser:
    """All subcommands and their options."""
    top = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="measure servers in turns")
    run.add_argument("--servers", nargs="+", default=DEFAULT_SERVERS, metavar="PATTERN")
    run.add_argument("--workloads", nargs="+", default=DEFAULT_WORKLOADS, metavar="PATTERN")
    run.add_argument("--access-log", choices=["off", "on", "both"], default="off")
    run.add_argument("--against", metavar="SERVER", help="compare all with this server")
    run.add_argument("--plot", type=Path, metavar="FILE", help="draw a PNG (needs matplotlib)")
    judge = commands.add_parser("goals", help="measure what the goals need, and say which are met")
    judge.add_argument("file", type=Path, nargs="*", help="judge the JSON files of earlier runs instead")
    judge.add_argument("--workloads", nargs="+", default=["*"], metavar="PATTERN", help="only the goals on these")
    for command in (run, judge):
        add_settings(command)
    show = commands.add_parser("show", help="print or plot a JSON file of `run`")
    show.add_argument("file", type=Path, nargs="+")
    show.add_argument("--against", metavar="SERVER")
    show.add_argument("--plot", type=Path, metavar="FILE")
    commands.add_parser("list", help="name the servers and the workloads")
    for name, about in APART.items():
        commands.add_parser(name, help=about, add_help=False)
    return top


def add_settings(command: argparse.ArgumentParser) -> None:
    """The options of whatever measures."""
    cores = sorted(os.sched_getaffinity(0))
    command.add_argument("--rounds", type=int, default=5)
    command.add_argument("--seconds", type=float, default=3.0, help="measured per server and round")
    command.add_argument("--warmup", type=float, default=1.0, help="seconds before each measurement")
    command.add_argument("--server-core", type=int, default=cores[0])
    command.add_argument("--client-core", type=int, default=cores[-1])
    command.add_argument("--connections", type=int, help="instead of each workload's own number")
    command.add_argument("--rate", type=float, default=0.0, help="requests per second of the latency workload")
    command.add_argument("--json", type=Path, metavar="FILE", help="write all samples")


def settings_of(options: argparse.Namespace, access_log: tuple[bool, ...] = (False, True)) -> rounds.Settings:
    """How long and where, of the options that `add_settings` declared."""
    return rounds.Settings(
        options.rounds,
        options.seconds,
        options.warmup,
        options.server_core,
        options.client_core,
        options.connections,
        options.rate,
        access_log,
    )


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] and arguments[0] in APART:
        return int(import_module(f"benchmarks.{arguments[0]}").main(arguments[1:]))
    options = parser().parse_args(arguments)
    try:
        if options.command == "list":
            return list_all()
        return {"show": show, "run": run, "goals": judge}[options.command](options)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def run(options: argparse.Namespace) -> int:
    """Measure, print the table, write what was asked for."""
    settings = settings_of(options, {"off": (False,), "on": (True,), "both": (False, True)}[options.access_log])
    chosen, absent = servers.select(options.servers)
    for line in absent:
        print(line, file=sys.stderr)
    samples = measure(rounds.plan(chosen, workloads.select(options.workloads), settings), settings)
    print(report.table(report.summarize(samples, options.against)))
    content = report.document(samples, settings)
    if options.json:
        report.write(options.json, content)
    if options.plot:
        draw(content, options.plot)
    return 0 if all(sample.error is None for sample in samples) else 1


def measure(meetings: list[rounds.Meeting], settings: rounds.Settings) -> list[rounds.Sample]:
    """All samples, or those up to SIGINT or SIGTERM: no server stays behind then, and what was measured counts."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background jobs ignore the first
        signal.signal(number, signal.default_int_handler)
    return rounds.run(meetings, settings, tell)


def tell(sample: rounds.Sample) -> None:
    """One line per measurement, as it is taken."""
    log = "+log" if sample.access_log else ""
    metric = workloads.WORKLOADS[sample.workload].metric
    result = sample.error or f"{sample.values[metric]:,.2f} {workloads.WORKLOADS[sample.workload].unit}"
    print(f"round {sample.round + 1} {sample.workload}{log} {sample.server}: {result}", file=sys.stderr, flush=True)


def judge(options: argparse.Namespace) -> int:
    """Say which goals are met, by samples taken now or earlier."""
    wanted = goals.on(workloads.select(options.workloads))
    if options.file:
        samples, _ = read(options.file)
    else:
        settings = settings_of(options)
        samples = measure(goals.meetings(wanted), settings)
        if options.json:
            report.write(options.json, report.document(samples, settings))
    print(goals.table(goals.judge(samples, wanted)))
    return 0 if all(sample.error is None for sample in samples) else 1


def read(paths: list[Path]) -> tuple[list[rounds.Sample], dict[str, object]]:
    """The samples of files that `--json` wrote, joined, and the machine of the last."""
    samples, content = [], {}
    for path in paths:
        content = json.loads(path.read_text())
        samples += [rounds.Sample(**sample) for sample in content["samples"]]
    return samples, content["machine"]


def show(options: argparse.Namespace) -> int:
    """Print the table of files that `run --json` wrote; several are joined."""
    samples, machine = read(options.file)
    entries = report.summarize(samples, options.against)
    print(report.table(entries))
    if options.plot:
        draw({"machine": machine, "summary": entries}, options.plot)
    return 0


def draw(content: dict[str, object], path: Path) -> None:
    """The plot, imported only when asked for: it needs matplotlib."""
    from benchmarks import plot

    plot.draw(content, path)


def list_all() -> int:
    """Every server with what it lacks, and every workload."""
    for server in servers.catalogue().values():
        lacking = server.missing()
        print(f"{server.name:40}{'not installed: ' + ', '.join(lacking) if lacking else ''}".rstrip())
    print()
    for workload in workloads.WORKLOADS.values():
        print(f"{workload.name:24}{workload.about}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
