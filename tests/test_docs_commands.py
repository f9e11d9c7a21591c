"""Every command of the documentation is typed as it stands there, and does what the page says.

What a page takes for granted is set up by the tables below. A command that no test can run stands in `NOT_RUN`.
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from websockets.sync.client import connect

from tests.environment import Environment, Once, installed, run
from tests.pages import PAGES, READMES, block, commands, files, name_of
from tests.parts import PLUGINS, ROOT
from tests.reader import Ask, Reader, answers

MEASURES = "measures for minutes, with programs that are not installed; tests/test_benchmarks.py tests the harness"
BENCH = "measures for minutes; the tests of the plugin command_bench run the command for moments"
CI = ".ci/run types it, in a clean clone: it takes packages from the index"

NOT_RUN = {
    'python3 -m venv .venv && .venv/bin/pip install ".[standard]" '
    "&& .venv/bin/tricorn --app-dir examples hello:app": CI,
    'python3 -m venv .venv && .venv/bin/pip install ".[test]" && .venv/bin/python -m pytest -n auto': CI,
    ".venv/bin/pip install --no-deps --no-build-isolation $(printf -- '-e %s ' kernel plugins/*)": CI,
    "pip install --no-deps -e plugins/http_compiled": "in a checkout; CI makes all parts editable in its own",
    'pip install -e ".[all]" "uvicorn[standard]" fastapi': "takes packages from the index; CI installs the same",
    "python -m benchmarks run --workloads plain echo-1k": MEASURES,
    "python -m benchmarks run --servers 'tricorn-*-uvloop' granian-uvloop --workloads 'ws-*' --rounds 5": MEASURES,
    "python -m benchmarks run --workloads plain --access-log both": MEASURES,
    "python -m benchmarks goals --json FILE": MEASURES,
    "python -m benchmarks goals FILE.json ...": "FILE is the reader's",
    "python -m benchmarks instructions tricorn-h11+log": MEASURES,
    "python -m benchmarks show FILE.json --plot FILE.png": "FILE is the reader's",
    "python -m benchmarks instructions": MEASURES,
    "python -m benchmarks growth": MEASURES,
    "docker build -t app .": "needs Docker's engine; the instructions of its Dockerfile are run, but for FROM and USER",
    "docker run --rm -p 8000:8000 app": "needs Docker's engine; the command of its Dockerfile is run",
    "kubectl apply -f app.yaml": "needs a cluster; tests/deployment checks the manifest, its probes are sent below",
    "kubectl rollout status deployment/app": "needs a cluster",
    "systemctl daemon-reload": "needs systemd as the first process; tests/deployment checks the units",
    "systemctl enable --now app.service": "needs systemd as the first process; the unit's commands are run",
    "tricorn bench main:app": BENCH,
    "tricorn bench main:app --path /items -c 64 -d 5": BENCH,
    'tricorn bench main:app --path "/items?limit=10" -c 64 -d 5 --rounds 5': BENCH,
    'tricorn bench main:app -m POST --path /items -H "Content-Type: application/json" -b \'{"name": "tea"}\'': BENCH,
    "tricorn bench main:app --http httptools,h11 --loop uvloop,asyncio --plot bench.svg": BENCH,
    "tricorn bench main:app --ws-path /echo -b hello": BENCH,
    "tricorn exec -- mlflow server": "mlflow is somebody else's; tests/test_exec.py runs other programs so",
    "python -m build tricorn-http-swift": "takes the build backend from the index; `pip install` has built the same",
    "python -m twine upload tricorn-http-swift/dist/*": "publishes",
}
"""Commands that are not run here, and why."""

BEFORE = {
    "docs/bundles": "tricorn[standard]",
    "docs/howto/gunicorn": "tricorn[standard]",
    "docs/howto/operations": "tricorn[standard]",
    "docs/howto/tls": "tricorn[standard]",
    "docs/plugins": "tricorn[standard]",
}
"""What is installed before the reader of a page begins, where that is not the page's first command.

A page that installs nothing finds everything installed.
"""

APP = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"Hello\\n"})
"""
WSGI_APP = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"Hello\\n"]
"""
FILES = {"main.py": APP, "flask_app.py": WSGI_APP}
"""What lies in the directory; what a page itself shows of these files is added to them."""


def echoes(url: str) -> None:
    """The tutorial's application, which speaks nothing but WebSocket."""
    with connect(url.replace("http", "ws", 1)) as websocket:
        websocket.send("tea")
        assert websocket.recv(30) == "tea"


def hangs_up(url: str) -> None:
    """Nothing is answered to a peer from which no header of the PROXY protocol is taken."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 30) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(65536) == b""


ASKED: dict[str, Ask] = {
    "tricorn main:echo": echoes,
    "tricorn main:app --proxy-protocol --forwarded-allow-ips 10.0.0.0/8": hangs_up,
}
"""How a server is asked that does not just answer."""

PRINTED = {
    "curl http://127.0.0.1:8000/you": re.escape(block("tutorial.md", "answer").strip()),
    "python -m pytest test_main.py": "1 passed",
    'pip install -e "./tricorn-http-swift[test]"': "Successfully installed tricorn-http-swift",
    "tricorn check http swift": r" checks passed, 0 failed\.$",
    "tricorn check main:app": r"^application  main:app can be served\n(.*\n)*address +\S+:\d+ can be had$",
    "tricorn config main:app": r"^NAME +VALUE +SOURCE\napp +main:app +APP\n",
    "tricorn plugins": r"^http +(h11|httptools) ",
    "acme-server plugins": r"^loop +asyncio .* yes: first of acme-server ",
}
"""What a command that ends prints, somewhere."""


@pytest.fixture(scope="module")
def offline(release: Path) -> dict[str, str]:
    """Variables for pip: the release is the index, and what builds a distribution is taken from the environment."""
    return {
        "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(release),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_COMPILE": "1",
        # pip reads it as what it turns off.
        "PIP_NO_BUILD_ISOLATION": "0",
    }  # fmt: skip


Make = Callable[..., Environment]


@pytest.fixture(scope="module")
def make(offline: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Make an environment, in a folder if one is named: all libraries that anything here requires, and of tricorn what
    the requirement says."""
    libraries = {
        name for part in PLUGINS for name in part.libraries if installed(name)
    }  # those of extras may be absent
    libraries |= {"pip", "hatchling", "editables", "gunicorn", "pytest", "pyyaml", "python-dotenv", "trustme"}

    def made(requirement: str, folder: Path | None = None) -> Environment:
        environment = Environment.create(folder or tmp_path_factory.mktemp("environment") / "venv", libraries)
        if requirement:
            with pytest.MonkeyPatch.context() as patch:
                for name, value in offline.items():
                    patch.setenv(name, value)
                run(environment.program("pip"), "install", requirement)
        return environment

    return made


@pytest.fixture
def complete(once: Once, make: Make) -> Environment:
    """Where everything is installed."""
    return Environment(once("complete", lambda folder: make("tricorn[all]", folder)))


@pytest.fixture(scope="module")
def certificate() -> trustme.LeafCert:
    return trustme.CA().issue_cert("localhost", "127.0.0.1")


@pytest.fixture
def context(tmp_path: Path, certificate: trustme.LeafCert) -> Path:
    """The directory of a reader before the page begins: an application, a certificate, the checkout's folders."""
    folder = tmp_path / "context"
    (folder / "run").mkdir(parents=True)
    for name in ("benchmarks", "examples"):
        (folder / name).symlink_to(ROOT / name)
    for name in ("privkey.pem", "key.pem"):
        certificate.private_key_pem.write_to_path(folder / name)
    for name in ("fullchain.pem", "cert.pem"):
        certificate.cert_chain_pems[0].write_to_path(folder / name)
    return folder


@pytest.fixture
def reader(
    request: pytest.FixtureRequest, page: Path, context: Path, make: Make, offline: dict[str, str], tmp_path: Path
) -> Iterator[Reader]:
    """Someone in that directory, with the files of the page in it and an environment as the page expects it."""
    shown = files(page)
    for name in FILES.keys() | shown.keys():
        (context / name).write_text(FILES.get(name, "") + shown.get(name, ""))
    directory = context
    if "Dockerfile" in shown:
        directory = tmp_path / "image"
        directory.mkdir()
    name = name_of(page)
    installs = any("pip install" in line for line in commands(page) if line not in NOT_RUN)
    environment = make(BEFORE.get(name, "")) if installs else request.getfixturevalue("complete")
    replaced = {"/run/app": str(context / "run")}
    env = {"CONTEXT": str(context), "XDG_DATA_HOME": str(tmp_path / "data"), **offline}
    with Reader(directory, tmp_path, environment, replaced, **env) as found:
        yield found


WITH_COMMANDS = [page for page in (*READMES, *PAGES) if set(commands(page)) - NOT_RUN.keys()]


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name_of)
def test_the_commands_of_a_page_do_what_it_says(page: Path, reader: Reader) -> None:
    for line in commands(page):
        if line not in NOT_RUN:
            printed = reader.type(line, ASKED.get(line, answers))
            assert re.search(PRINTED.get(line, ""), printed, re.MULTILINE), printed
    reader.close()


def test_the_tables_name_nothing_that_is_not_there() -> None:
    written = {line for page in (*READMES, *PAGES) for line in commands(page)}
    assert [line for line in (*NOT_RUN, *ASKED, *PRINTED) if line not in written] == []
    assert [line for line in (*ASKED, *PRINTED) if line in NOT_RUN] == []
    assert [name for name in BEFORE if name not in map(name_of, WITH_COMMANDS)] == []
