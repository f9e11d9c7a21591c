"""The server's life: starting, embedding, ending by whatever ends it, and what it leaves behind."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tricorn import Config, Server
from tricorn.server import HANDLED_SIGNALS

DEADLINE = 30.0
POSIX_ONLY = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals of POSIX")


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            event = (await receive())["type"]
            await send({"type": event + ".complete"})
            if event == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


class Waiting:
    """An application whose requests wait until they are let go; `cancelled` counts those that were not."""

    def __init__(self) -> None:
        self.called = asyncio.Event()
        self.go = asyncio.Event()
        self.cancelled = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return await app(scope, receive, send)
        self.called.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return await app(scope, receive, send)


def make(application: Any = app, **options: Any) -> Server:
    return Server(Config(application, **{"port": 0, "log_config": None, **options}))


@contextlib.asynccontextmanager
async def serving(server: Server, **arguments: Any) -> AsyncIterator[asyncio.Task[None]]:
    """`serve()` in a task, from its start until the block has ended it."""
    started = asyncio.Event()
    startup = server.startup

    async def telling(sockets: list[socket.socket] | None = None) -> None:
        await startup(sockets)
        started.set()

    server.startup = telling  # type: ignore[method-assign]
    task = asyncio.ensure_future(server.serve(**arguments))
    waiting = asyncio.ensure_future(started.wait())
    await asyncio.wait((task, waiting), timeout=DEADLINE, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    try:
        yield task
    finally:
        server.should_exit = True
        await asyncio.wait((task,), timeout=DEADLINE)
        assert task.done()


async def get(server: Server, path: str = "/") -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(server.url + path)


# --- embedding --------------------------------------------------------------------------------------------------------


async def test_a_server_serves_inside_a_running_loop_and_ends_when_told() -> None:
    server = make()
    async with serving(server) as task:
        assert server.started
        assert (await get(server, "/a")).text == "/a"
        assert server.server_state.total_requests == 1
        assert [name for name, _ in server.server_state.default_headers] == [b"date", b"server"]
    assert task.exception() is None
    assert (server.started, server.accepting) == (True, False)


async def test_the_parts_can_be_called_one_by_one() -> None:
    server = make()
    server.config.load()
    await server.startup()
    loop = asyncio.ensure_future(server.main_loop())
    url = server.url
    async with httpx.AsyncClient() as client:
        assert (await client.get(url)).status_code == 200
    server.should_exit = True
    await loop
    await server.shutdown()
    await server.shutdown()
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(url)


async def test_several_servers_share_a_loop_and_end_apart() -> None:
    one, two = make(), make()
    async with serving(one):
        async with serving(two):
            assert one.url != two.url
        assert (await get(one)).status_code == 200


async def test_a_server_serves_sockets_that_it_is_given() -> None:
    with socket.create_server(("127.0.0.1", 0)) as given:
        port = given.getsockname()[1]
        server = make()
        async with serving(server, sockets=[given]):
            assert server.servers[0].sockets[0].getsockname()[1] == port
            assert (await get(server)).status_code == 200


def test_another_thread_can_end_a_server() -> None:
    server = make()
    started = threading.Event()

    class Telling(Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            started.set()

    server = Telling(server.config)
    handlers = [signal.getsignal(number) for number in HANDLED_SIGNALS]
    thread = threading.Thread(target=server.run)
    thread.start()
    assert started.wait(DEADLINE)
    assert [signal.getsignal(number) for number in HANDLED_SIGNALS] == handlers
    assert httpx.get(server.url).status_code == 200
    server.should_exit = True
    thread.join(DEADLINE)
    assert not thread.is_alive()


async def test_a_cancelled_server_accepts_no_more_and_can_still_be_shut_down(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tricorn.error")
    waiting = Waiting()
    server = make(waiting)
    async with serving(server) as task:
        url = server.url
        request = asyncio.ensure_future(get(server))
        await waiting.called.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(url)
        waiting.go.set()
        assert (await request).status_code == 200
        await server.shutdown()
    assert caplog.messages[-1] == "Application shutdown complete."


def test_a_running_loop_is_told_apart() -> None:
    async def main() -> None:
        make().run()

    with pytest.raises(RuntimeError, match="Server.run.. starts an event loop, but one is running here already"):
        asyncio.run(main())


async def test_a_started_server_names_its_url() -> None:
    server = make(host="::1")
    async with serving(server):
        assert server.url.startswith("http://[::1]:")


async def test_what_is_called_regularly() -> None:
    called = asyncio.Event()

    async def notify() -> None:
        called.set()

    async with serving(make(callback_notify=notify)):
        await asyncio.wait_for(called.wait(), DEADLINE)


NAME = contextvars.ContextVar("NAME", default="none")


@pytest.mark.parametrize(("reset", "seen"), [(False, "of the server"), (True, "none")])
async def test_calls_run_in_the_context_of_the_server_unless_it_is_reset(reset: bool, seen: str) -> None:
    async def tell(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": NAME.get().encode()})

    NAME.set("of the server")
    server = make(tell, reset_contextvars=reset, lifespan="off")
    async with serving(server):
        assert (await get(server)).text == seen


async def test_headers_of_the_configuration_are_sent() -> None:
    server = make(headers=[("X-Served-By", "me")], server_header=False)
    async with serving(server):
        answer = await get(server)
    assert answer.headers["x-served-by"] == "me"
    assert "server" not in answer.headers


# --- not starting -----------------------------------------------------------------------------------------------------


async def status_of(server: Server) -> Any:
    with pytest.raises(SystemExit) as caught:
        await server.serve()
    return caught.value.code


async def test_an_address_in_use_is_known_before_the_application_starts(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert await status_of(make("tricorn_no_such_app:app", port=taken.getsockname()[1])) == 3
    assert "address already in use" in caplog.text
    assert "tricorn_no_such_app" not in caplog.text


async def test_a_failed_start_of_the_application_is_status_3_and_leaves_no_socket(tmp_path: Path) -> None:
    async def fails(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": ""})

    assert await status_of(make(fails, uds=str(tmp_path / "s"))) == 3
    assert not (tmp_path / "s").exists()


# --- ending -----------------------------------------------------------------------------------------------------------


async def test_a_request_that_runs_is_finished_and_the_connection_closed() -> None:
    told = asyncio.Event()

    class Watch(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage() == "Waiting for connections to close. (CTRL+C to force quit)":
                told.set()

    logging.getLogger("tricorn.error").addHandler(Watch())
    logging.getLogger("tricorn.error").setLevel("INFO")
    waiting = Waiting()
    server = make(waiting)
    async with serving(server) as task:
        request = asyncio.ensure_future(get(server))
        await waiting.called.wait()
        server.should_exit = True
        await asyncio.wait_for(told.wait(), DEADLINE)
        waiting.go.set()
        answer = await request
        await task
    assert answer.status_code == 200
    assert answer.headers["connection"] == "close"


async def test_a_request_that_outlives_the_grace_is_cancelled_and_answered_500(
    caplog: pytest.LogCaptureFixture,
) -> None:
    waiting = Waiting()
    server = make(waiting, timeout_graceful_shutdown=0.2)
    async with serving(server):
        request = asyncio.ensure_future(get(server))
        await waiting.called.wait()
        server.should_exit = True
        assert (await request).status_code == 500
    assert waiting.cancelled == 1
    assert "Cancel 1 running task(s), timeout graceful shutdown exceeded" in caplog.messages


async def test_forcing_waits_for_nobody_and_skips_the_shutdown_of_the_application(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "tricorn.error")
    waiting = Waiting()
    server = make(waiting)
    async with serving(server):
        request = asyncio.ensure_future(get(server))
        await waiting.called.wait()
        server.should_exit = server.force_exit = True
        assert (await request).status_code == 500
    assert waiting.cancelled == 1
    assert "Waiting for application shutdown." not in caplog.messages


async def test_so_many_requests_end_the_server(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tricorn.error")
    server = make(limit_max_requests=2)
    async with serving(server) as task:
        await get(server)
        assert not task.done()
        await get(server)
        await asyncio.wait_for(task, DEADLINE)
    assert "Maximum request limit of 2 exceeded. Terminating process." in caplog.messages


def test_the_limit_of_requests_is_drawn_once_within_the_jitter() -> None:
    servers = [make(limit_max_requests=10, limit_max_requests_jitter=5) for _ in range(50)]
    limits = [server.limit_max_requests for server in servers]
    assert {limit for limit in limits if limit is not None} <= set(range(10, 16))
    assert len(set(limits)) > 1
    assert [server.limit_max_requests for server in servers] == limits


async def test_a_socket_file_is_gone_when_the_server_is(tmp_path: Path) -> None:
    path = tmp_path / "s"
    server = make(uds=str(path))
    async with serving(server), httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(path))) as client:
        assert (await client.get("http://localhost/a")).text == "/a"
    assert not path.exists()


# --- signals, in a process of their own -------------------------------------------------------------------------------

Launch = Callable[..., Any]


def test_ctrl_c_ends_with_status_0_after_the_shutdown_of_the_application(launch: Launch) -> None:
    process = launch("app:app", "--port", "0")
    process.url()
    status, _, lines = process.end(signal.SIGINT)
    assert status == 0
    assert lines[-1].startswith("INFO:     Finished server process")
    assert "INFO:     Application shutdown complete." in lines
    assert not [line for line in lines if "Traceback" in line]


@POSIX_ONLY
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_process_after_the_shutdown_of_the_application(
    number: signal.Signals, launch: Launch, tmp_path: Path
) -> None:
    process = launch("app:app", "--uds", "s")
    process.wait_for("Tricorn running on unix socket s")
    assert (tmp_path / "s").exists()
    status, _, lines = process.end(number)
    assert status == -number
    assert "INFO:     Application shutdown complete." in lines
    assert not (tmp_path / "s").exists()


@POSIX_ONLY
@pytest.mark.parametrize("handler", [signal.SIG_IGN, lambda number, frame: None], ids=["as nohup", "the program's own"])
async def test_a_hangup_that_is_somebody_elses_is_left_alone(handler: Any) -> None:
    before = signal.signal(signal.SIGHUP, handler)
    try:
        server = make()
        async with serving(server):
            signal.raise_signal(signal.SIGHUP)
            assert (await get(server)).status_code == 200
            assert not server.should_exit
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_ctrl_c_forces(launch: Launch) -> None:
    process = launch("app:app", "--port", "0")
    with httpx.Client(timeout=DEADLINE) as client, client.stream("GET", process.url() + "/wait") as answer:
        assert next(answer.iter_raw()) == b"waiting"
        process.popen.send_signal(signal.SIGINT)
        process.wait_for("Waiting for connections to close.")
        status, out, lines = process.end(signal.SIGINT)
    assert status == 0
    assert "INFO:     Waiting for application shutdown." not in lines
    assert out.endswith('"GET /wait HTTP/1.1" 200 OK\n')


@POSIX_ONLY
def test_a_second_sigterm_does_not(launch: Launch) -> None:
    process = launch("app:app", "--port", "0", "--timeout-graceful-shutdown", "2")
    with httpx.Client(timeout=DEADLINE) as client, client.stream("GET", process.url() + "/wait") as answer:
        next(answer.iter_raw())
        process.popen.send_signal(signal.SIGTERM)
        process.wait_for("Waiting for connections to close.")
        status, _, lines = process.end(signal.SIGTERM)
    assert status == -signal.SIGTERM
    assert "INFO:     Application shutdown complete." in lines


@POSIX_ONLY
@pytest.mark.parametrize("end", [None, signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_import_that_ends_otherwise_leaves_no_socket_file(
    end: signal.Signals | None, launch: Launch, tmp_path: Path
) -> None:
    source = "import sys, threading; print('importing', file=sys.stderr, flush=True)\n"
    (tmp_path / "slow.py").write_text(source + ("threading.Event().wait()" if end else "1 / 0"))
    process = launch("slow:app", "--uds", "s")
    process.wait_for("importing")
    status, _, lines = process.end(end)
    assert status == {None: 1, signal.SIGINT: 0}.get(end, -(end or 0))
    assert not (tmp_path / "s").exists()
    assert end is None or not [line for line in lines if "Traceback" in line]


async def test_a_server_can_serve_again_with_a_lifespan_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tricorn.error")
    server = make()
    for _ in range(2):
        server.should_exit = False
        async with serving(server):
            assert (await get(server)).status_code == 200
    assert caplog.messages.count("Application shutdown complete.") == 2


def test_ctrl_c_ends_a_start_that_hangs(launch: Launch) -> None:
    process = launch("app:hanging", "--port", "0")
    process.wait_for("Waiting for application startup.")
    status, _, lines = process.end(signal.SIGINT)
    assert status == 0
    assert "INFO:     Stopped before the application had started." in lines


async def test_the_handler_of_signals_is_a_method_of_the_server() -> None:
    server = make()
    before = signal.getsignal(signal.SIGTERM)
    async with serving(server):
        handler: Any = signal.getsignal(signal.SIGTERM)
        assert handler.__self__ is server
        server.handle_exit(signal.SIGTERM, None)
        assert handler.__self__.should_exit
        server._captured_signals.clear()
    assert signal.getsignal(signal.SIGTERM) is before


async def test_a_patched_handler_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    original = Server.handle_exit

    def patched(self: Server, number: int, frame: Any) -> None:
        seen.append(number)
        original(self, number, frame)
        self._captured_signals.clear()

    monkeypatch.setattr(Server, "handle_exit", patched)
    async with serving(make()) as task:
        signal.raise_signal(signal.SIGINT)
        await asyncio.wait_for(task, DEADLINE)
    assert seen == [signal.SIGINT]


def test_the_access_log_is_complete_after_sigterm(launch: Launch) -> None:
    process = launch("app:app", "--port", "0")
    url = process.url()
    with httpx.Client() as client:
        for number in range(20):
            client.get(f"{url}/{number}")
    _, out, _ = process.end(signal.SIGTERM)
    assert [line.split('"')[1] for line in out.splitlines()] == [f"GET /{number} HTTP/1.1" for number in range(20)]


def test_logger_of_the_server_is_uvicorns_too() -> None:
    make()
    assert logging.getLogger("uvicorn.error").__dict__ is logging.getLogger("tricorn.error").__dict__
