"""All measurements: in turns, so that what changes on the machine meets every combination."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from tricorn.config import Config
from tricorn.registry import Registry
from tricorn.runner import run_in_loop
from tricorn_command_bench.combinations import Combination
from tricorn_command_bench.load import Load
from tricorn_command_bench.measuring import NoAnswers, Sample, measure
from tricorn_command_bench.results import Result
from tricorn_command_bench.serving import Served, ServerEnded

DEFAULTS: Mapping[str, Any] = {"log_level": "warning", "access_log": False, "timeout_graceful_shutdown": 1}
"""What is different from serving where the user does not say otherwise: logs are not what is to be measured."""


@dataclass(frozen=True)
class Plan:
    """What is to be measured.

    settings: options of serving. cores: the processors of the server and of the clients, where they are pinned.
    """

    app: str
    settings: Mapping[str, Any]
    combinations: Sequence[Combination]
    load: Load
    rounds: int
    cores: tuple[int, int] | None
    registry: Registry

    def config(self, combination: Combination) -> Config:
        """The settings of one server. Exits with status 3 when they cannot be."""
        settings = {**DEFAULTS, **self.settings, **combination}
        config = Config(self.app, host="127.0.0.1", port=0, registry=self.registry, **settings)
        config.dedicated = True
        return config


def measure_all(plan: Plan) -> tuple[list[Result], bool]:
    """The results, and whether Ctrl-C came before the end. A combination that fails is not tried again."""
    results = [Result(combination) for combination in plan.combinations]
    configs = [plan.config(combination) for combination in plan.combinations]
    turns = list(zip(results, configs, strict=True))
    with tempfile.TemporaryDirectory(prefix="tricorn-bench-") as folder, _kept(plan.cores), _progress(plan) as advance:
        try:
            for number in range(plan.rounds):
                for result, config in turns if number % 2 == 0 else reversed(turns):
                    if result.failure is None:
                        _measure(plan, result, config, Path(folder), advance)
        except KeyboardInterrupt:
            return results, True
    return results, False


def _measure(plan: Plan, result: Result, config: Config, folder: Path, advance: Callable[[str, int], None]) -> None:
    """Take one sample."""
    advance(str(result), 0)
    core = plan.cores[0] if plan.cores else None
    samples: list[Sample] = []
    try:
        with Served(config, folder / f"{len(list(folder.iterdir()))}.log", core) as served:

            async def run() -> None:
                samples.append(await measure(served, plan.load, lambda: advance(str(result), 0)))

            loop = plan.registry.auto("loop")
            run_in_loop(run, loop.provider.factory if loop is not None else None)
    except ServerEnded as error:
        result.failure, result.never_served = str(error), True
    except NoAnswers as error:
        result.failure = str(error)
    result.samples += samples
    advance(str(result), 1)


@contextmanager
def _kept(cores: tuple[int, int] | None) -> Iterator[None]:
    """Keep this process, which holds the clients, on its processor."""
    if cores is None:
        yield
        return
    process = psutil.Process()
    before = process.cpu_affinity()
    process.cpu_affinity([cores[1]])
    try:
        yield
    finally:
        process.cpu_affinity(before)


@contextmanager
def _progress(plan: Plan) -> Iterator[Callable[[str, int], None]]:
    """A bar on standard error where that is a terminal. What is yielded takes a text and the steps that are done."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    # Drawn when somebody looks, not by a thread that would take its time from the clients.
    with Progress(
        *columns,
        TimeRemainingColumn(),
        console=console,
        transient=True,
        auto_refresh=False,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("", total=plan.rounds * len(plan.combinations))

        def advance(text: str, steps: int) -> None:
            progress.update(task, description=text, advance=steps)
            progress.refresh()

        yield advance
