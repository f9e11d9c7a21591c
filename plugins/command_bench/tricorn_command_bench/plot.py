"""A picture of the results. Needs matplotlib, which the extra `plot` brings."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import click

from tricorn_command_bench.results import Result, ordered

FORMATS = (".png", ".svg")
PANELS = (("rate", "{unit} per second"), ("cpu_per_100k", "CPU seconds for 100,000 {unit}"))


def check(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Refuse what could not be drawn before anything is measured."""
    if path is None:
        return None
    if path.suffix.lower() not in FORMATS:
        raise click.BadParameter(f"{path} ends in none of {', '.join(FORMATS)}.")
    if not path.parent.is_dir():
        raise click.BadParameter(f"there is no directory {path.parent}.")
    if find_spec("matplotlib") is None:
        raise click.BadParameter("drawing needs matplotlib: pip install 'tricorn-command-bench[plot]'.")
    return path


def draw(results: Sequence[Result], kinds: Sequence[str], unit: str, title: str, path: Path) -> None:
    """Write the picture: a bar for every combination, the fastest at the top, and the span of its rounds."""
    from matplotlib.figure import Figure

    shown = ordered(results)[::-1]
    labels = [result.name(kinds) for result in shown]
    figure = Figure(figsize=(10, 1.4 + 0.36 * len(shown)), layout="constrained")
    figure.suptitle(title)
    for axes, (what, label) in zip(figure.subplots(1, len(PANELS), sharey=True), PANELS, strict=True):
        medians = [result.median(what) for result in shown]
        rounds = [[getattr(sample, what) for sample in result.samples] for result in shown]
        spread = [
            [middle - min(values) for middle, values in zip(medians, rounds, strict=True)],
            [max(values) - middle for middle, values in zip(medians, rounds, strict=True)],
        ]
        axes.barh(labels, medians, xerr=spread, color="#2a6fb0", ecolor="#64748b", capsize=3)
        axes.set_xlabel(label.format(unit=unit))
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
