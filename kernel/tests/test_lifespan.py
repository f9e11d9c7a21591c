"""The lifespan protocol: what an application may do, and what its server makes of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tricorn import Config
from tricorn.lifespan.auto import LifespanAuto
from tricorn.lifespan.off import LifespanOff
from tricorn.lifespan.on import LifespanOn


def opened(app: Any, kind: type[LifespanOn] = LifespanOn) -> LifespanOn:
    return kind(Config(app, log_config=None, lifespan="on" if kind is LifespanOn else "auto"))


async def whole(scope: Any, receive: Any, send: Any) -> None:
    assert scope == {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
    scope["state"]["pool"] = "full"
    assert (await receive())["type"] == "lifespan.startup"
    await send({"type": "lifespan.startup.complete"})
    assert (await receive())["type"] == "lifespan.shutdown"
    await send({"type": "lifespan.shutdown.complete"})


async def test_start_and_shutdown_run_in_one_call_and_its_state_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tricorn.error")
    lifespan = opened(whole)
    await lifespan.startup()
    assert (lifespan.state, lifespan.should_exit) == ({"pool": "full"}, False)
    await lifespan.shutdown()
    assert caplog.messages == [
        "Waiting for application startup.",
        "Application startup complete.",
        "Waiting for application shutdown.",
        "Application shutdown complete.",
    ]


async def unaware(scope: Any, receive: Any, send: Any) -> None:
    raise NotImplementedError


async def fails(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})


async def raises(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    raise RuntimeError("no database")


async def returns(scope: Any, receive: Any, send: Any) -> None:
    await receive()


async def test_auto_serves_an_application_without_lifespan(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tricorn.error")
    lifespan = opened(unaware, LifespanAuto)
    await lifespan.startup()
    assert not lifespan.should_exit
    await lifespan.shutdown()
    assert caplog.messages[1:] == ["ASGI 'lifespan' protocol appears unsupported.", "Application startup complete."]


async def test_on_does_not(caplog: pytest.LogCaptureFixture) -> None:
    lifespan = opened(unaware)
    await lifespan.startup()
    assert lifespan.should_exit
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert caplog.records[0].exc_info is not None


@pytest.mark.parametrize("kind", [LifespanOn, LifespanAuto])
async def test_a_failed_start_says_why(kind: type[LifespanOn], caplog: pytest.LogCaptureFixture) -> None:
    lifespan = opened(fails, kind)
    await lifespan.startup()
    assert lifespan.should_exit
    assert caplog.messages == ["no database", "Application startup failed. Exiting."]


@pytest.mark.parametrize("kind", [LifespanOn, LifespanAuto])
async def test_an_exception_in_the_start_is_shown_with_its_traceback(
    kind: type[LifespanOn], caplog: pytest.LogCaptureFixture
) -> None:
    lifespan = opened(raises, kind)
    await lifespan.startup()
    assert lifespan.should_exit
    assert "RuntimeError: no database" in caplog.text


@pytest.mark.parametrize("received", [True, False])
async def test_an_application_that_wants_to_exit_does_not_start(
    received: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if received:
            await receive()
        raise SystemExit(5)

    lifespan = opened(app, LifespanAuto)
    await lifespan.startup()
    assert lifespan.should_exit
    assert "SystemExit: 5" in caplog.text


async def test_an_application_may_return_early() -> None:
    lifespan = opened(returns)
    await lifespan.startup()
    assert not lifespan.should_exit
    await lifespan.shutdown()


async def test_an_exception_in_the_shutdown_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        raise RuntimeError("still in use")

    lifespan = opened(app)
    await lifespan.startup()
    await lifespan.shutdown()
    assert lifespan.should_exit
    assert "still in use" in caplog.text
    assert caplog.messages[-1] == "Application shutdown failed. Exiting."


@pytest.mark.parametrize(
    "events",
    [["lifespan.shutdown.complete"], ["lifespan.startup.complete"] * 2, ["http.response.start"]],
    ids=["too early", "twice", "unknown"],
)
async def test_events_out_of_order_raise_in_the_application(events: list[str]) -> None:
    raised: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            for event in events:
                await send({"type": event})
        except RuntimeError as error:
            raised.append(str(error))

    await opened(app).startup()
    assert len(raised) == 1


async def test_cancelling_a_start_cancels_the_application() -> None:
    cancelled = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    starting = asyncio.ensure_future(opened(app).startup())
    await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert cancelled.is_set()


async def test_off_never_calls_the_application() -> None:
    lifespan = LifespanOff(Config(unaware, log_config=None, lifespan="off"))
    await lifespan.startup()
    await lifespan.shutdown()
    assert (lifespan.state, lifespan.should_exit) == ({}, False)
