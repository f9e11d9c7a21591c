"""A picture of a run: one bar for each server and workload, its CPU time next to its baseline's. Needs matplotlib."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

COLOURS = {"tricorn": "#2a6fb0"}
OTHERS = "#9aa5ae"


def bars(summary: list[dict[str, Any]]) -> list[tuple[str, str, float]]:
    """Label, server and how many times less CPU time it took than its first baseline, where that was measured."""
    found = []
    for entry in summary:
        ratio: dict[str, Any] = next(iter(entry["ratios"].values()), {})
        if ratio.get("cpu"):
            log = ", access log" if entry["access_log"] else ""
            found.append((f"{entry['workload']}{log}: {entry['server']}", entry["server"], ratio["cpu"]))
    return found


def draw(content: dict[str, Any], path: Path) -> None:
    """Write a PNG of the document of a run. Raises ValueError when nothing was compared, or matplotlib is missing."""
    shown = bars(content["summary"])
    if not shown:
        raise ValueError("nothing in this run was compared with a baseline, so there is nothing to draw")
    try:
        matplotlib = import_module("matplotlib")
    except ImportError:
        raise ValueError("--plot needs matplotlib: pip install matplotlib") from None
    matplotlib.use("Agg")
    pyplot = import_module("matplotlib.pyplot")
    figure, axes = pyplot.subplots(figsize=(8, 0.8 + 0.24 * len(shown)))
    shown.reverse()
    colours = [COLOURS.get(server.partition("-")[0], OTHERS) for _, server, _ in shown]
    drawn = axes.barh([label for label, _, _ in shown], [ratio for _, _, ratio in shown], color=colours)
    axes.bar_label(drawn, fmt="%.2f", padding=3, fontsize=7)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel("requests per second of CPU time,\nas a multiple of uvicorn with the same parser and loop")
    axes.margins(y=0.01)
    axes.tick_params(axis="y", labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    pyplot.close(figure)
