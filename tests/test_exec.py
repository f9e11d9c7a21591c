"""Programs that import uvicorn run on tricorn: by `tricorn exec`, and by `install_as_uvicorn()`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.servers import DEADLINE, CommandLine

FASTAPI = """
import asyncio
from fastapi import FastAPI
from sse_starlette.sse import EventSourceResponse

app = FastAPI()

@app.get("/")
def root():
    import uvicorn
    return {"server": uvicorn.Server.__module__}

@app.get("/events")
async def events():
    async def stream():
        yield {"data": "first"}
        await asyncio.Event().wait()
    return EventSourceResponse(stream())
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A directory with a FastAPI application in `main.py`."""
    (tmp_path / "main.py").write_text(FASTAPI)
    return tmp_path


def executed(here: Path, *command: str, **environment: str) -> CommandLine:
    """`tricorn exec -- COMMAND` by the Python of the tests."""
    return CommandLine("exec", "--", sys.executable, *command, directory=here, **environment)


def test_fastapi_run_serves_through_tricorn(here: Path) -> None:
    with executed(here, "-m", "fastapi", "run", str(here / "main.py"), "--port", "0") as server:
        server.wait_for("(as uvicorn)")
        url = server.url
        assert httpx.get(url.replace("0.0.0.0", "127.0.0.1"), timeout=DEADLINE).json() == {"server": "tricorn.server"}
        server.end(signal.SIGTERM)


def test_python_m_uvicorn_with_workers_serves_through_tricorn(here: Path) -> None:
    arguments = ("-m", "uvicorn", "--app-dir", str(here), "--workers", "2", "--port", "0", "main:app")
    with executed(here, *arguments) as server:
        url = server.url
        for _ in range(2):
            server.wait_for("(as uvicorn)")
        assert httpx.get(url, timeout=DEADLINE).json() == {"server": "tricorn.server"}
        assert server.end(signal.SIGTERM) == 0


def test_processes_that_are_started_stand_in_for_uvicorn_too(here: Path) -> None:
    (here / "plain.py").write_text("from tests_app import app\n")
    (here / "tests_app.py").write_text("async def app(scope, receive, send): ...\n")
    with executed(
        here, "-m", "uvicorn", "--app-dir", str(here), "--workers", "2", "--port", "0", "plain:app"
    ) as server:
        for _ in range(2):
            server.wait_for("(as uvicorn)")
        assert server.end(signal.SIGTERM) == 0


def test_an_open_event_stream_ends_with_the_server(here: Path) -> None:
    """sse-starlette puts a function of its own in the place of `uvicorn.main.Server.handle_exit`, and learns that way
    that the server is to end: tricorn itself is told to let its streams go on."""
    own = ("--timeout-graceful-streams", "0")
    with executed(here, "-m", "uvicorn", "--app-dir", str(here), "--port", "0", *own, "main:app") as server:
        with httpx.stream("GET", server.url + "/events", timeout=DEADLINE) as answer:
            lines = answer.iter_lines()
            assert next(line for line in lines if line) == "data: first"
            server.popen.send_signal(signal.SIGINT)
            with suppress(httpx.RemoteProtocolError):  # it drops what it streams
                assert [line for line in lines if line.startswith("data")] == []
        assert server.end() == 0


def test_a_program_that_is_not_there_is_status_127() -> None:
    command = [sys.executable, "-m", "tricorn", "exec", "--", "no-such-program", "--port", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
    assert (done.returncode, done.stderr) == (127, "ERROR:    There is no program 'no-such-program'.\n")


INSTALLED = """
import importlib.metadata, inspect, logging, pickle, sys
from pathlib import Path
import tricorn
tricorn.install_as_uvicorn()
tricorn.install_as_uvicorn()
import uvicorn
from uvicorn.config import Config, LOGGING_CONFIG
from uvicorn.importer import import_from_string
from uvicorn.lifespan.on import LifespanOn
from uvicorn.loops.auto import auto_loop_factory
from uvicorn.logging import AccessFormatter, DefaultFormatter
from uvicorn.main import LEVEL_CHOICES, STARTUP_FAILURE, Server
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.middleware.wsgi import WSGIMiddleware
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import get_client_addr, get_path_with_query_string
from uvicorn.protocols.websockets.websockets_impl import WebSocketProtocol
from uvicorn.server import HANDLED_SIGNALS
from uvicorn.supervisors import ChangeReload, Multiprocess
from uvicorn.supervisors.basereload import BaseReload
from uvicorn.supervisors.multiprocess import Process
from uvicorn.supervisors.statreload import StatReload
from uvicorn.workers import UvicornWorker

assert uvicorn.Config is Config is tricorn.Config and uvicorn.Server is Server
for name in ("config", "loops.auto", "supervisors.multiprocess"):
    assert sys.modules["uvicorn." + name] is sys.modules["tricorn." + name]
assert sys.modules["tricorn.config"].__spec__.name == "tricorn.config"
assert list(map(int, uvicorn.__version__.split(".")[:2])) >= [0, 29] and tricorn.__version__ != uvicorn.__version__
assert importlib.metadata.version("uvicorn")
assert Path(uvicorn.__file__).name == "__init__.py" and Path(uvicorn.__file__).parent.name == "uvicorn"
assert "app" in inspect.signature(uvicorn.run).parameters and callable(uvicorn.main)
LOGGING_CONFIG["loggers"]["uvicorn.access"]["level"] = "WARNING"
config = Config("main:app", http=H11Protocol)
config.select()
assert config.selected["http"][0].name == "H11Protocol"
assert logging.getLogger("tricorn.access").level == logging.WARNING
assert logging.getLogger("tricorn.error").name == "uvicorn.error"
assert pickle.loads(pickle.dumps(Config("main:app"))).app == "main:app"
assert get_path_with_query_string({"path": "/a b", "query_string": b"c"}) == "/a%20b?c"
assert get_client_addr({"client": ("h", 1)}) == "h:1"
try:
    class Mine(HttpToolsProtocol): pass
except TypeError as error:
    assert "--timeout-request-head" in str(error)
else:
    raise AssertionError
try:
    import uvicorn.loops.zuvloop
except ModuleNotFoundError as error:
    assert "uvicorn.loops.zuvloop" in str(error)
else:
    raise AssertionError
try:
    uvicorn.nothing
except AttributeError as error:
    print(error)
"""


def test_the_modules_of_uvicorn_are_tricorns() -> None:
    done = subprocess.run([sys.executable, "-c", INSTALLED], capture_output=True, text=True, timeout=DEADLINE)
    assert done.stderr == ""
    assert done.stdout == "module 'uvicorn' has no attribute 'nothing' (tricorn stands for it)\n"


def test_an_import_of_uvicorn_that_came_before_is_refused() -> None:
    program = "import uvicorn, tricorn\ntricorn.install_as_uvicorn()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=DEADLINE)
    assert "RuntimeError: uvicorn has been imported already: call tricorn.install_as_uvicorn() before" in done.stderr


GRADIO = """
import threading, time, httpx, tricorn
tricorn.install_as_uvicorn()
import uvicorn

class Server(uvicorn.Server):
    def install_signal_handlers(self):
        pass
    def run_in_thread(self):
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        while not self.started:
            time.sleep(1e-3)
    def close(self):
        self.should_exit = True
        self.thread.join(timeout=5)

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})

server = Server(uvicorn.Config(app, port=0, log_level="warning"))
server.run_in_thread()
port = server.servers[0].sockets[0].getsockname()[1]
print(httpx.get(f"http://127.0.0.1:{port}").status_code, server.config.app is app)
server.close()
print(server.thread.is_alive())
"""


def test_a_server_subclass_in_a_thread_as_gradio_has_it() -> None:
    done = subprocess.run([sys.executable, "-c", GRADIO], capture_output=True, text=True, timeout=DEADLINE)
    assert done.stdout == "204 True\nFalse\n"


LAUNCHED = """
import sys
if sys.argv[2:]:
    import tricorn
    tricorn.install_as_uvicorn()
import gradio, gradio.http_server
from gradio_client import Client

interface = gradio.Interface(lambda name: "Hello " + name, inputs="text", outputs="text", api_name="greet")
_, url, _ = interface.launch(prevent_thread_lock=True, quiet=True, server_port=int(sys.argv[1]))
print(gradio.http_server.uvicorn.Server.__module__)
print(Client(url, verbose=False).predict("tricorn", api_name="/greet"))
interface.close(verbose=False)
print(interface.server.thread.is_alive())
"""


@pytest.mark.parametrize("way", ["exec", "install_as_uvicorn"])
def test_gradio_launches_on_tricorn_and_answers_its_own_client(way: str) -> None:
    """Through its queue and its server-sent events; gradio makes the server, in a thread, and ends it."""
    with socket.create_server(("127.0.0.1", 0)) as free:  # gradio wants a number
        port = str(free.getsockname()[1])
    program = [sys.executable, "-c", LAUNCHED, port]
    command = [sys.executable, "-m", "tricorn", "exec", "--", *program] if way == "exec" else [*program, way]
    quiet = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=6 * DEADLINE, env=quiet)  # a large import
    assert done.stdout == "tricorn.server\nHello tricorn\nFalse\n", done.stderr
