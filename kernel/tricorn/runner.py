"""Running a coroutine in a loop of its own."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import Callable, Coroutine
from typing import Any


def run_in_loop(
    main: Callable[[], Coroutine[Any, Any, None]], factory: Callable[[], asyncio.AbstractEventLoop] | None
) -> None:
    """`asyncio.run` with a loop factory, on every Python. Raises RuntimeError inside a running loop."""
    if sys.version_info >= (3, 11):
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(main())
        return
    loop = factory() if factory is not None else asyncio.new_event_loop()
    try:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(main())
    finally:
        try:
            _cancel_all(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


def in_fresh_context(create_task: Callable[..., Any]) -> Callable[..., Any]:
    """What makes tasks likewise, each in an empty context of `contextvars`."""
    return lambda *call, **named: contextvars.Context().run(create_task, *call, **named)


def refuse_running_loop(what: str) -> None:
    """Raise RuntimeError inside a running loop, with what to do there: notebooks and async functions have one."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(
        f"{what} starts an event loop, but one is running here already, as in a notebook or an async function. "
        "There: `await tricorn.Server(tricorn.Config(app)).serve()`, or a thread of its own: "
        "`with tricorn.serve_in_thread(app) as server:`."
    )
