"""What was found, as a table and for programs: the medians of the rounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from tricorn.api import Row, Table, Tone
from tricorn_command_bench.combinations import Combination
from tricorn_command_bench.measuring import Sample

MEBIBYTE = 1024 * 1024


@dataclass
class Result:
    """One combination: a sample for every round, or why there is none (any more).

    never_served: the server did not start, which is nothing that was answered.
    """

    combination: Combination
    samples: list[Sample] = field(default_factory=list)
    failure: str | None = None
    never_served: bool = False

    def __str__(self) -> str:
        return ", ".join(f"{kind} {name}" for kind, name in self.combination.items())

    def name(self, kinds: Sequence[str]) -> str:
        """What tells the combination apart where only these kinds differ."""
        return " ".join(self.combination[kind] for kind in kinds)

    def median(self, what: str) -> float:
        """The median of the rounds of an attribute of `Sample`."""
        return float(median(getattr(sample, what) for sample in self.samples))

    def reaches(self, other: Result) -> bool:
        """Whether the best round of this was as fast as the worst of another."""
        return max(sample.rate for sample in self.samples) >= min(sample.rate for sample in other.samples)

    @property
    def failures(self) -> Counter[str]:
        """What came instead of an answer, in all rounds."""
        return sum((Counter(sample.failures) for sample in self.samples), Counter())

    @property
    def client_limited(self) -> bool:
        """Whether the clients were what was measured, in most rounds."""
        return 2 * sum(sample.client_limited for sample in self.samples) > len(self.samples)


def ordered(results: Iterable[Result]) -> list[Result]:
    """Those that were measured, the fastest first."""
    return sorted((result for result in results if result.samples), key=lambda result: -result.median("rate"))


def drawn(results: Sequence[Result], kinds: Sequence[str], unit: str) -> Table:
    """The table. kinds: those that differ, or are worth a column. unit: what an answer is called."""
    columns = [f"{unit}/s", "p50 ms", "p99 ms", "CPU s/100k", "memory MiB", "failed"]
    rows = []
    for place, result in enumerate(ordered(results)):
        cells = [
            f"{result.median('rate'):,.0f}",
            f"{result.median('p50') * 1000:.2f}",
            f"{result.median('p99') * 1000:.2f}",
            f"{result.median('cpu_per_100k'):.2f}",
            f"{result.median('memory') / MEBIBYTE:.1f}",
            ", ".join(f"{count} x {what}" for what, count in result.failures.most_common()) or "0",
        ]
        tone: Tone = "bad" if result.failures else "good" if place == 0 else "plain"
        rows.append(Row([*(result.combination[kind] for kind in kinds), *cells], tone))
    return Table("Measured", [*kinds, *columns], rows, numbers=columns)


def notes(results: Sequence[Result], kinds: Sequence[str]) -> list[str]:
    """What a reader of the table must know."""
    found = [f"{result.name(kinds)} failed: {result.failure}" for result in results if result.failure]
    measured = ordered(results)
    equal = [result.name(kinds) for result in measured if result.reaches(measured[0])]
    if len(equal) > 1:
        found.append(f"No difference yet, because their rounds overlap: {', '.join(equal)}.")
    limited = [result.name(kinds) for result in measured if result.client_limited]
    if limited:
        found.append(
            f"The clients were at their limit before the server was: {', '.join(limited)}. It can do more than these "
            "rates; compare the CPU time instead."
        )
    return found


def document(result: Result) -> dict[str, Any]:
    """A result for programs: medians, times in seconds, memory in bytes, and every round."""
    found: dict[str, Any] = {**result.combination, "failure": result.failure}
    if result.samples:
        found.update({what: result.median(what) for what in ("rate", "p50", "p99", "cpu_per_100k", "memory")})
    return {
        **found,
        "failures": dict(result.failures),
        "client_limited": result.client_limited,
        "rounds": [{**asdict(sample), "rate": sample.rate} for sample in result.samples],
    }
