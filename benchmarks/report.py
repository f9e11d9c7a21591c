"""From samples to what people read: medians of per-round ratios, a table, and a JSON document."""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import sys
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.servers import catalogue
from benchmarks.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.rounds import Sample, Settings

FORMAT = 1
"""Changes when a reader of the JSON document must."""


def better(workload: str, mine: float, other: float) -> float:
    """How many times better `mine` is: above 1 is better, for rates and for costs alike."""
    top, bottom = (mine, other) if WORKLOADS[workload].more else (other, mine)
    return top / bottom if bottom else math.nan


def value(sample: Sample, key: str | None = None) -> float:
    """What was measured: by default the number that the workload ranks servers by."""
    return sample.values[key or WORKLOADS[sample.workload].metric]


def ratios(samples: Sequence[Sample], server: str, baseline: str, key: str | None = None) -> list[float]:
    """Per round, how many times better `server` is than `baseline`; by CPU time when `key` is "cpu".

    The samples are those of one workload. Rounds in which either failed are left out.
    """
    by_round: dict[int, dict[str, Sample]] = {}
    for sample in samples:
        by_round.setdefault(sample.round, {})[sample.server] = sample
    found = []
    for pair in by_round.values():
        mine, other = pair.get(server), pair.get(baseline)
        if mine is None or other is None or mine.error or other.error:
            continue
        if key == "cpu":
            if mine.values.get("cpu") and other.values.get("cpu"):
                found.append(other.values["cpu"] / mine.values["cpu"])
            continue
        found.append(better(mine.workload, value(mine), value(other)))
    return found


def summarize(samples: Sequence[Sample], against: str | None = None) -> list[dict[str, Any]]:
    """One entry per workload, log setting and server, in the order measured.

    against: compare everyone with this server instead of with its own baselines.
    """
    groups: dict[tuple[str, bool], list[Sample]] = {}
    for sample in samples:
        groups.setdefault((sample.workload, sample.access_log), []).append(sample)
    entries = []
    for (workload, access_log), group in groups.items():
        for server in dict.fromkeys(sample.server for sample in group):
            known = catalogue().get(server)
            baselines = (against,) if against else known.baselines if known else ()
            entries.append(_entry(group, workload, access_log, server, baselines))
    return entries


def _entry(
    group: Sequence[Sample], workload: str, access_log: bool, server: str, baselines: Iterable[str | None]
) -> dict[str, Any]:
    mine = [sample for sample in group if sample.server == server]
    good = [sample.values for sample in mine if not sample.error]
    keys = dict.fromkeys(key for values in good for key in values)
    compared = {}
    for baseline in baselines:
        found = ratios(group, server, baseline, None) if baseline else []
        if baseline and found and baseline != server:
            cpu = ratios(group, server, baseline, "cpu")
            compared[baseline] = {
                "median": statistics.median(found),
                "min": min(found),
                "max": max(found),
                "cpu": statistics.median(cpu) if cpu else None,
            }
    return {
        "workload": workload,
        "access_log": access_log,
        "server": server,
        "metric": WORKLOADS[workload].metric,
        "unit": WORKLOADS[workload].unit,
        "rounds": len(good),
        "median": {key: statistics.median([values[key] for values in good if key in values]) for key in keys},
        "ratios": compared,
        "errors": [sample.error for sample in mine if sample.error],
    }


def machine() -> dict[str, Any]:
    """What the numbers were measured on and with."""
    model = ""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
    names = (
        "uvicorn uvloop httptools h11 websockets wsproto hypercorn granian gunicorn daphne fastpysgi socketify fastapi"
    )
    versions = {}
    own = {each.name for each in metadata.distributions() if (each.name or "").startswith("tricorn")}
    for name in [*names.split(), *sorted(own)]:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "implementation": platform.python_implementation(),
        "versions": versions,
    }


def document(samples: Sequence[Sample], settings: Settings) -> dict[str, Any]:
    """The whole run as what `--json` writes."""
    return {
        "format": FORMAT,
        "machine": machine(),
        "settings": asdict(settings),
        "summary": summarize(samples),
        "samples": [asdict(sample) for sample in samples],
    }


def write(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON document; numbers that are none become null, which every reader understands."""
    text = json.dumps(_finite(content), indent=1, allow_nan=False)
    path.write_text(text + "\n")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value


HEADINGS = (
    "server",
    "value",
    "ratio",
    "min",
    "max",
    "cpu/100k",
    "cpu ratio",
    "p50 ms",
    "p99 ms",
    "p99.9 ms",
    "client",
    "notes",
)

DIGITS = {"1/s": 0, "MB": 1, "ms": 3}


def table(entries: Sequence[dict[str, Any]]) -> str:
    """The entries as text, one block per workload. A ratio above 1 is better than the baseline."""
    blocks, last = [], None
    rows: list[tuple[str, ...]] = []
    for entry in [*entries, None]:
        group = (entry["workload"], entry["access_log"]) if entry else None
        if group != last and rows:
            blocks.append(_layout(rows))
            rows = []
        if entry and group != last:
            log = ", access log on" if entry["access_log"] else ""
            blocks.append(f"\n{entry['workload']}{log}: {WORKLOADS[entry['workload']].about} [{entry['unit']}]")
        if entry:
            rows += _rows(entry)
        last = group
    return "\n".join(blocks)


def _rows(entry: dict[str, Any]) -> list[tuple[str, ...]]:
    median, compared = entry["median"], list(entry["ratios"].items())
    # wrk has no percentiles of pipelined requests and says 0.
    tail = [_number(median.get(key) or None, 3) for key in ("p50_ms", "p99_ms", "p999_ms")]
    busy = median.get("client_busy")
    tail.append(f"{busy:.0%}" if busy is not None else "")
    first = compared[0][1] if compared else {}
    row = [entry["server"], _number(median.get(entry["metric"]), DIGITS[entry["unit"]])]
    row += [_number(first.get(key), 2) for key in ("median", "min", "max")]
    row += [_number(median.get("cpu"), 3), _number(first.get("cpu"), 2), *tail, _notes(entry)]
    rows = [tuple(row)]
    for baseline, ratio in compared[1:]:
        more = [_number(ratio.get(key), 2) for key in ("median", "min", "max")]
        rows.append((f"  against {baseline}", "", *more, "", _number(ratio.get("cpu"), 2), "", "", "", "", ""))
    return rows


def _notes(entry: dict[str, Any]) -> str:
    median, notes = entry["median"], []
    if median.get("errors"):
        notes.append(f"{median['errors']:.0f} errors")
    if entry["access_log"] and median.get("log_lines", 0) < median.get("requests", 0):
        notes.append(f"only {median.get('log_lines', 0) / median['requests']:.2f} log lines per request")
    notes += dict.fromkeys(entry["errors"])
    return "; ".join(notes)


def _number(value: float | None, digits: int) -> str:
    if value is None or not math.isfinite(value):
        return ""
    return f"{value:,.{digits}f}"


def _layout(rows: Sequence[tuple[str, ...]]) -> str:
    lines = [HEADINGS, *rows]
    used = [i for i in range(len(HEADINGS)) if any(row[i] for row in rows)]
    widths = {i: max(len(line[i]) for line in lines) for i in used}
    left = {0, len(HEADINGS) - 1}
    return "\n".join(
        "  ".join(line[i].ljust(widths[i]) if i in left else line[i].rjust(widths[i]) for i in used).rstrip()
        for line in lines
    )
