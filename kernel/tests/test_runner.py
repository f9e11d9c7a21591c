"""Running a coroutine in a loop of its own."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

from tricorn.runner import in_fresh_context, refuse_running_loop, run_in_loop

NAME = contextvars.ContextVar("NAME", default="none")


def test_the_loop_is_made_by_the_factory_and_closed() -> None:
    made: list[asyncio.AbstractEventLoop] = []

    def factory() -> asyncio.AbstractEventLoop:
        made.append(asyncio.new_event_loop())
        return made[0]

    async def main() -> None:
        assert asyncio.get_running_loop() is made[0]

    run_in_loop(main, factory)
    assert made[0].is_closed()


def test_tasks_that_are_left_are_cancelled() -> None:
    ended: list[str] = []

    async def left() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    async def main() -> None:
        ended.clear()
        main.task = asyncio.ensure_future(left())  # type: ignore[attr-defined]
        await asyncio.sleep(0)

    run_in_loop(main, None)
    assert ended == ["cancelled"]


def test_what_it_raises_comes_through() -> None:
    async def main() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        run_in_loop(main, None)


async def test_a_running_loop_is_refused_with_what_to_do_instead() -> None:
    with pytest.raises(RuntimeError, match="run.. starts an event loop, but one is running here already"):
        refuse_running_loop("run()")


def test_no_running_loop_is_fine() -> None:
    refuse_running_loop("run()")


async def test_tasks_in_a_fresh_context_see_nothing_of_ours() -> None:
    async def name() -> str:
        return NAME.get()

    NAME.set("ours")
    create_task = in_fresh_context(asyncio.get_running_loop().create_task)
    assert await create_task(name(), name="a name") == "none"
    assert await asyncio.ensure_future(name()) == "ours"
