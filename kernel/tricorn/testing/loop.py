"""The conformance suite of event loops: what the kernel relies on beyond what asyncio's documentation promises."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Coroutine
from typing import Any, ClassVar

from tricorn.api import LoopProvider
from tricorn.runner import run_in_loop
from tricorn.testing.ends import DEADLINE, connection, exchange, listen
from tricorn.testing.suite import needs
from tricorn.testing.transports import TransportChecks

__all__ = ["LoopSuite"]


class LoopSuite(TransportChecks):
    """Every loop plugin passes this suite.

    unix: the platform has UNIX domain sockets. signals: it delivers signals to handlers while the loop waits.
    """

    kind = "loop"
    unix: ClassVar[bool] = hasattr(socket, "AF_UNIX")
    signals: ClassVar[bool] = sys.platform != "win32"

    def run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a check on a loop of the plugin."""
        provider: LoopProvider = self.provider()
        run_in_loop(lambda: _within_deadline(coroutine), provider.factory)

    # --- the loop itself ------------------------------------------------------------------------------------------

    def check_factory_makes_a_new_loop_each_time(self) -> None:
        """Several servers may run in one process, each in a thread and a loop of its own."""
        provider: LoopProvider = self.provider()
        loops = [provider.factory(), provider.factory()]
        try:
            assert loops[0] is not loops[1]
            assert all(isinstance(loop, asyncio.AbstractEventLoop) for loop in loops)
            assert not any(loop.is_running() or loop.is_closed() for loop in loops)
        finally:
            for loop in loops:
                loop.close()

    async def check_callbacks_run_in_the_order_of_call_soon(self) -> None:
        """What is scheduled while callbacks run comes after those that wait already."""
        loop = asyncio.get_running_loop()
        order: list[str] = []
        done = loop.create_future()

        def first() -> None:
            order.append("first")
            loop.call_soon(last)

        def last() -> None:
            order.append("last")
            done.set_result(None)

        loop.call_soon(first)
        loop.call_soon(order.append, "second")
        await done
        assert order == ["first", "second", "last"]

    async def check_a_cancelled_callback_never_runs(self) -> None:
        """Deadlines are cancelled far more often than they pass."""
        loop = asyncio.get_running_loop()
        order: list[str] = []
        done = loop.create_future()
        loop.call_soon(order.append, "soon").cancel()
        loop.call_later(0.001, order.append, "later").cancel()
        loop.call_later(0.002, done.set_result, None)
        await done
        assert order == []

    async def check_timers_run_in_the_order_of_their_deadlines(self) -> None:
        """And none before the loop's clock has reached its deadline, which the kernel's sweep reads."""
        loop = asyncio.get_running_loop()
        order: list[str] = []
        done = loop.create_future()
        due = loop.time() + 0.01

        def last() -> None:
            order.append("last")
            done.set_result(loop.time())

        loop.call_at(due, last)
        loop.call_at(due - 0.005, order.append, "first")
        # Loops round deadlines to the resolution of what they wait with, which is a millisecond at best.
        assert await done >= due - 0.002
        assert order == ["first", "last"]

    async def check_another_thread_wakes_a_waiting_loop(self) -> None:
        """`Server.should_exit` may be set from any thread."""
        loop = asyncio.get_running_loop()
        woken = asyncio.Event()
        thread = threading.Thread(target=loop.call_soon_threadsafe, args=(woken.set,))
        loop.call_soon(thread.start)
        await woken.wait()
        thread.join()

    async def check_threads_give_their_results_back(self) -> None:
        """Applications run blocking code in the default executor."""
        loop = asyncio.get_running_loop()
        assert await loop.run_in_executor(None, sum, (1, 2, 3)) == 6

    async def check_callbacks_keep_their_context(self) -> None:
        """Applications keep what belongs to a request in context variables."""
        loop = asyncio.get_running_loop()
        variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="outside")
        done: asyncio.Future[str] = loop.create_future()
        context = contextvars.copy_context()
        context.run(variable.set, "inside")
        loop.call_soon(lambda: done.set_result(variable.get()), context=context)
        assert await done == "inside"
        assert variable.get() == "outside"

    async def check_a_failing_callback_stops_nobody_else(self) -> None:
        """The error goes to the loop's exception handler, and the loop goes on."""
        loop = asyncio.get_running_loop()
        told: list[dict[str, Any]] = []
        done = loop.create_future()
        loop.set_exception_handler(lambda _, context: told.append(context))
        loop.call_soon([].pop)
        loop.call_soon(done.set_result, None)
        await done
        assert [type(context["exception"]) for context in told] == [IndexError]

    @needs("signals")
    async def check_a_signal_reaches_its_handler_while_the_loop_waits(self) -> None:
        """Handlers set by `signal.signal` are how the server hears of Ctrl-C."""
        loop = asyncio.get_running_loop()
        caught = asyncio.Event()
        before = signal.signal(signal.SIGUSR1, lambda number, frame: loop.call_soon_threadsafe(caught.set))
        try:
            # From a thread of its own: the loop has nothing else to do when the signal arrives.
            sender = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGUSR1))
            loop.call_soon(sender.start)
            await caught.wait()
            sender.join()
        finally:
            signal.signal(signal.SIGUSR1, before)

    @needs("signals")
    async def check_the_loops_own_signal_handlers_work(self) -> None:
        """Applications and other libraries use `loop.add_signal_handler`."""
        loop = asyncio.get_running_loop()
        caught = asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, caught.set)
        os.kill(os.getpid(), signal.SIGUSR1)
        await caught.wait()
        assert loop.remove_signal_handler(signal.SIGUSR1)
        assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL

    # --- servers --------------------------------------------------------------------------------------------------

    async def check_a_server_serves_a_bound_socket(self) -> None:
        """The kernel binds sockets itself; the addresses of a connection come from its transport."""
        async with connection() as (server, client):
            assert server.transport.get_extra_info("peername")[:2] == client.getsockname()
            assert server.transport.get_extra_info("sockname")[:2] == client.getpeername()
            assert server.transport.get_extra_info("ssl_object") is None
            await exchange(server, client)

    @needs("unix")
    async def check_a_server_serves_a_unix_socket(self) -> None:
        """Through `create_server`, because the kernel has one way to listen."""
        with tempfile.TemporaryDirectory() as folder:
            listening = socket.socket(socket.AF_UNIX)
            listening.bind(os.path.join(folder, "s"))
            async with connection(listening) as (server, client):
                assert not isinstance(server.transport.get_extra_info("peername"), tuple)
                await exchange(server, client)

    async def check_a_closed_server_refuses_and_keeps_its_connections(self) -> None:
        """A graceful shutdown begins this way."""
        loop = asyncio.get_running_loop()
        listening = listen()
        address = listening.getsockname()
        async with connection(listening, close_server=True) as (server, client):
            try:
                late = await loop.run_in_executor(None, socket.create_connection, address, DEADLINE)
            except ConnectionRefusedError:
                pass
            else:
                late.close()
                raise AssertionError("a closed server accepted a connection")
            await exchange(server, client)


async def _within_deadline(coroutine: Coroutine[Any, Any, None]) -> None:
    await asyncio.wait_for(coroutine, DEADLINE)
