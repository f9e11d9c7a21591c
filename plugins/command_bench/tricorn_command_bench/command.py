"""The command: what a person types, and what is said back."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import psutil

import tricorn
from tricorn.cli import Origins, given, settings_command, unnamed
from tricorn.config import STARTUP_FAILURE
from tricorn.options import parse_header
from tricorn.registry import PluginError
from tricorn.tables import show
from tricorn_command_bench import plot
from tricorn_command_bench.combinations import combinations
from tricorn_command_bench.load import Load
from tricorn_command_bench.results import Result, document, drawn, notes, ordered
from tricorn_command_bench.rounds import Plan, measure_all

HELP = """Serve APP with every combination of plugins and measure each: rates, latencies, CPU time and memory.

--http, --ws and --loop take several names, separated by commas; by default all that are installed. Other options
of serving are those of the servers that are measured.
"""

NOT_SERVED = {
    *("host", "port", "uds", "fd", "listen", "backlog", "proxy_protocol", "http2", "supervisor", "workers"),
    *("timeout_worker_healthcheck", "timeout_worker_blocked", "limit_max_requests", "limit_max_requests_jitter"),
}
"""Options of serving that have no meaning where every combination is served by one process on a port of its own."""

COMPARED = {"http": "HTTP plugins", "ws": "WebSocket codecs", "loop": "event loops"}

ANSWER, MESSAGE = "requests", "messages"
INTERRUPTED = 130


def bench_command(arguments: Sequence[str]) -> click.Command:
    """The command; its own options come before those of serving."""
    command = settings_command(arguments, bench)
    command.help = HELP
    serving = [p for p in command.params if p.name not in NOT_SERVED and not str(p.name).startswith(("reload", "ssl_"))]
    app, *others = (p for p in serving if p.name != "timeout_tls_handshake")
    for parameter in others:
        if isinstance(parameter, click.Option) and parameter.name in COMPARED:
            parameter.help = (
                f"The {COMPARED[parameter.name]} to compare, comma-separated; by default all that are installed."
            )
    command.params = [app, *options(), *others]
    return command


def options() -> list[click.Parameter]:
    """The command's own options, named as those of other tools that measure are."""
    positive = click.IntRange(1)
    return [
        click.Option(["-c", "--connections"], type=positive, default=32, show_default=True,
                     help="Connections, each with one request under way."),
        click.Option(["-d", "--duration", "--seconds", "seconds"], type=click.FloatRange(0, min_open=True),
                     default=3.0, show_default=True, help="Seconds of a measurement."),
        click.Option(["--warm-up"], type=click.FloatRange(0), default=0.5, show_default=True,
                     help="Seconds before each that do not count."),
        click.Option(["--rounds"], type=positive, default=3, show_default=True,
                     help="Measurements of each combination, in turns; the median counts."),
        click.Option(["-m", "--method"], default="GET", show_default=True, help="Method of the requests."),
        click.Option(["--path"], default="/", show_default=True, help="Path and query of the requests."),
        click.Option(["-H", "--request-header", "request_headers"], multiple=True, metavar="NAME:VALUE",
                     callback=_headers, help="A header of the requests; may be repeated."),
        click.Option(["-b", "--body"], default="", callback=_body, metavar="TEXT|@FILE",
                     help="Body of the requests, or the message to a WebSocket."),
        click.Option(["--ws-path"], metavar="PATH",
                     help="Measure the WebSocket at this path instead, which sends back every message."),
        click.Option(["--pin"], is_flag=True,
                     help="Keep the server on one processor and the clients on another."),
        click.Option(["--plot"], type=click.Path(dir_okay=False, path_type=Path), callback=plot.check, metavar="FILE",
                     help="Draw the result: a file that ends in .png or .svg."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print a JSON object."),
    ]  # fmt: skip


def _headers(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> list[tuple[str, str]]:
    try:
        return [parse_header(value) for value in values]
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from error


def _body(context: click.Context, parameter: click.Parameter, value: str) -> bytes:
    try:
        return Path(value[1:]).read_bytes() if value.startswith("@") else value.encode()
    except OSError as error:
        raise click.BadParameter(f"{value[1:]}: {error.strerror}.") from error


def _cores(pin: bool) -> tuple[int, int] | None:
    """The processors of the server and of the clients. Raises click.UsageError where there are none to choose from."""
    if not pin:
        return None
    process = psutil.Process()
    allowed = process.cpu_affinity() if hasattr(process, "cpu_affinity") else []
    if len(allowed) < 2:
        raise click.UsageError("--pin needs two processors, and a system that lets processes be kept on them.")
    return allowed[0], allowed[-1]


def bench(origins: Origins, app: str | None, values: dict[str, Any]) -> None:
    """Measure, and say what was found. Exits with 1 when nothing was answered, 3 when nothing could be served."""
    as_json, picture = values.pop("as_json"), values.pop("plot")
    load = Load(*(values.pop(name) for name in ("connections", "seconds", "warm_up", "method", "path")),
                *(values.pop(name) for name in ("request_headers", "body", "ws_path")))  # fmt: skip
    rounds, cores = values.pop("rounds"), _cores(values.pop("pin"))
    app = app or unnamed(values)
    sys.path.insert(0, values.pop("app_dir"))
    try:
        chosen = combinations(origins.registry, values, load.ws_path is not None)
    except PluginError as error:
        _fail(str(error), STARTUP_FAILURE)
    plan = Plan(app, given(values), chosen, load, rounds, cores, origins.registry)
    results, interrupted = measure_all(plan)
    if not ordered(results) and not interrupted:
        first = results[0]
        _fail(str(first.failure), STARTUP_FAILURE if first.never_served else 1)
    unit = ANSWER if load.ws_path is None else MESSAGE
    kinds = [kind for kind in chosen[0] if kind != "ws" or load.ws_path or len({c["ws"] for c in chosen}) > 1]
    _say(results, kinds, unit, as_json, app, load, origins)
    if picture is not None and ordered(results):
        plot.draw(results, kinds, unit, f"{app}, {load.connections} connections", picture)
        click.echo(f"Wrote {picture}", err=True)
    if interrupted:
        sys.exit(INTERRUPTED)


def _say(
    results: Sequence[Result], kinds: Sequence[str], unit: str, as_json: bool, app: str, load: Load, origins: Origins
) -> None:
    if as_json:
        content = {
            "app": app,
            "tricorn": tricorn.__version__,
            "connections": load.connections,
            "seconds": load.seconds,
            "unit": unit,
            "combinations": [document(result) for result in results],
        }
        click.echo(json.dumps(content, indent=2))
        return
    show(drawn(results, kinds, unit), origins.registry)
    for note in notes(results, kinds):
        click.echo(note)


def _fail(message: str, status: int) -> Any:
    print(f"ERROR:    {message}", file=sys.stderr)
    sys.exit(status)
