"""Waiting for what is said by other threads, and work that ends early."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tricorn.waiting import Changes

LONG = 30.0


async def test_another_thread_wakes_who_waits() -> None:
    changes = Changes()
    changes.attach()
    waiting = asyncio.ensure_future(changes.wait(LONG))
    await asyncio.sleep(0)
    thread = threading.Thread(target=changes.tell)
    thread.start()
    await asyncio.wait_for(waiting, LONG)
    thread.join()


async def test_waiting_ends_with_something_else_or_the_time() -> None:
    changes = Changes()
    done = asyncio.get_running_loop().create_future()
    done.set_result(None)
    await asyncio.wait_for(changes.wait(LONG, done), LONG / 2)
    await asyncio.wait_for(changes.wait(0.01), LONG)


def test_telling_nobody_is_harmless() -> None:
    changes = Changes()
    changes.tell()

    async def attach() -> None:
        changes.attach()

    asyncio.run(attach())
    changes.tell()  # its loop is closed


async def test_work_runs_to_its_end_unless_it_is_stopped() -> None:
    async def work() -> None:
        await asyncio.sleep(0)

    assert await Changes().unless(lambda: False, work(), settle=None)


async def test_stopped_work_is_cancelled_and_awaited() -> None:
    changes = Changes()
    stop = asyncio.Event()
    cleaned = asyncio.Event()

    async def work() -> None:
        stop.set()
        changes.tell()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.set()

    assert not await changes.unless(stop.is_set, work(), settle=None)
    assert cleaned.is_set()


async def test_work_that_will_not_end_is_left_after_a_while() -> None:
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    assert not await Changes().unless(lambda: True, stubborn(), settle=0.01)
    release.set()


async def test_what_the_work_raises_is_raised() -> None:
    async def work() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await Changes().unless(lambda: False, work(), settle=None)
