"""What people stumble over when they run ASGI applications, and what happens here instead: points 1 to 9 of 25."""

from __future__ import annotations

import json
import os
import re
import signal
import socket

import httpx
import pytest
from websockets.sync.client import connect as connect_websocket

from tests.servers import DEADLINE, connect, read_until
from tests.stumbling.project import APP, Project

ORIGIN = "http://localhost:3000"
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}"
ADDRESS = r"127\.0\.0\.1:\d+"


# --- 1 and 2: the application is not found --------------------------------------------------------------------------


def test_01_a_module_that_cannot_be_imported_is_told_with_what_was_meant(project: Project) -> None:
    project.write("src/deep.py", APP)
    ended = project.ended("mian:app")
    assert ended.status == 3
    assert f'module "mian". Looked in {project.directory}. Did you mean "main:app"?' in ended.log
    assert "It is in src below: --app-dir src looks there." in project.ended("deep:app").log


@pytest.mark.parametrize("named", ["main", "main.py", "src/api.py:app"])
def test_02_an_application_may_be_named_by_its_module_or_its_file(project: Project, named: str) -> None:
    project.write("src/api.py", APP)
    server = project.serve(named)
    assert httpx.get(server.url, timeout=DEADLINE).text == "http"
    assert ("Using main:app, the only application in main." in "\n".join(server.log)) == (":" not in named)


def test_02_of_several_applications_the_names_are_told(project: Project) -> None:
    project.write("both.py", APP + "other = app\n")
    assert "which application is meant? (one of app, other)" in project.ended("both").log
    assert 'Attribute "ap" not found in module "main". Did you mean "app"?' in project.ended("main:ap").log


# --- 3: an open stream holds the end up ------------------------------------------------------------------------------


@pytest.mark.parametrize("program", ["tricorn", "tricorn dev"])
def test_03_open_streams_are_named_and_end_soon(project: Project, program: str) -> None:
    server = project.serve("main:app", program=("-m", *program.split()))
    url = httpx.URL(server.url)
    with connect((url.host, url.port or 0)) as client:
        client.sendall(b"GET /events HTTP/1.1\r\nHost: test\r\n\r\n")
        read_until(client, b"first")
        server.end(signal.SIGINT)
    (waiting,) = (line for line in server.log if "Waiting for 1 stream" in line)
    # The age is known to ten seconds, and so may not be there yet.
    assert re.search(r"Waiting for 1 stream \(GET /events( \d+ s)?\)\. CTRL\+C again drops them\.$", waiting)
    assert "INFO:     Ending 1 stream (GET /events)." in server.log


def test_03_a_second_ctrl_c_waits_for_nobody(project: Project) -> None:
    server = project.serve("main:app", "--timeout-graceful-streams", "0")
    url = httpx.URL(server.url)
    with connect((url.host, url.port or 0)) as client:
        client.sendall(b"GET /events HTTP/1.1\r\nHost: test\r\n\r\n")
        read_until(client, b"first")
        server.popen.send_signal(signal.SIGINT)
        server.wait_for("CTRL+C again drops them.")
        assert server.end(signal.SIGINT) in (0, -signal.SIGINT)


# --- 4: the address is taken ----------------------------------------------------------------------------------------


def test_04_a_port_that_is_taken_is_told_with_who_has_it_before_the_application_is_imported(project: Project) -> None:
    project.write("slow.py", "raise RuntimeError('imported')")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = project.ended("slow:app", "--port", str(port))
    assert ended.status == 3
    assert re.search(rf'It is taken by \S+ \(pid {os.getpid()}, ".+", since \d\d:\d\d\)', ended.log)
    assert f"Try --port {port + 1}, or --port 0 for any free one." in ended.log
    assert "Traceback" not in ended.log


def test_04_while_developing_the_next_free_port_is_taken(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = project.serve("main:app", "--port", str(port), program=("-m", "tricorn", "dev"))
        told = server.wait_for("address already in use")
        url = server.url
    assert re.search(r"It is taken by .*\. Taking port \d+\.$", told)
    assert int(httpx.URL(url).port or 0) > port
    assert httpx.get(url, timeout=DEADLINE).text == "http"


# --- 5: a proxy is not trusted --------------------------------------------------------------------------------------


def test_05_what_an_untrusted_proxy_says_is_named_once_with_the_option_that_trusts_it(project: Project) -> None:
    server = project.serve("main:app", "--forwarded-allow-ips", "10.0.0.1")
    url = server.url
    answers = [httpx.get(url, headers={"x-forwarded-proto": "https"}, timeout=DEADLINE).text for _ in range(2)]
    server.end(signal.SIGTERM)
    line = "X-Forwarded-Proto: 'https' from 127.0.0.1 ignored; trust it with --forwarded-allow-ips 127.0.0.1"
    assert [entry for entry in server.log if line in entry] == [f"WARNING:  {line}"]
    trusting = project.serve("main:app", "--forwarded-allow-ips", "127.0.0.1")
    answers.append(httpx.get(trusting.url, headers={"x-forwarded-proto": "https"}, timeout=DEADLINE).text)
    assert answers == ["http", "http", "https"]


# --- 6: an upgrade that nobody takes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("protocol", "options"), [("h2c", ""), ("TLS/1.0", ""), ("websocket", "--ws none")])
def test_06_an_upgrade_that_is_not_served_is_named(project: Project, protocol: str, options: str) -> None:
    server = project.serve("main:app", *options.split())
    answer = httpx.get(server.url, headers={"connection": "upgrade", "upgrade": protocol}, timeout=DEADLINE)
    assert answer.text == "http"
    assert f'A client asked for "{protocol}": ' in server.wait_for("Unsupported upgrade request.")


def test_06_websockets_work_out_of_the_box(project: Project) -> None:
    with connect_websocket(project.serve("main:app").url.replace("http", "ws") + "/echo") as websocket:
        websocket.send("tea")
        assert websocket.recv(DEADLINE) == "tea"


# --- 7: nobody knows where the server can be reached ------------------------------------------------------------------


def test_07_on_every_interface_the_urls_that_open_are_told(project: Project) -> None:
    server = project.serve("main:app", "--host", "0.0.0.0")
    line = server.wait_for(" running on ")
    assert re.fullmatch(r"INFO:     Tricorn running on http://0\.0\.0\.0:\d+ \(Press CTRL\+C to quit\)", line)
    urls = re.findall(r"http://\S+", server.wait_for("It listens on every interface of this machine: open "))
    assert urls[0].startswith("http://127.0.0.1:")
    assert [httpx.get(url, timeout=DEADLINE).text for url in urls] == ["http"] * len(urls)


# --- 8: the log -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "pattern"),
    [
        ("--log-format plain", rf'INFO:     {ADDRESS} - "GET /a\?b=1 HTTP/1.1" 200 OK'),
        ("--log-format time", rf'{TIME} INFO:     {ADDRESS} - "GET /a\?b=1 HTTP/1.1" 200 OK'),
        ("--access-log-format common", r'127.0.0.1 - - \[\d\d/\w{3}/\d{4}\S+ [+-]\d{4}\] "GET /a\?b=1 HTTP/1.1" 200 4'),
        ("--access-log-format combined", r'127.0.0.1 - - \[\S+ \S+\] "GET /a\?b=1 HTTP/1.1" 200 4 "-" "tea %22x%22"'),
        ("--access-log-format %(m)s,%(U)s,%(q)s,%({content-type}o)s,%(L)s", r"GET,/a,b=1,text/plain,0\.\d{6}"),
    ],
)
def test_08_lines_have_the_format_that_is_asked_for(project: Project, options: str, pattern: str) -> None:
    server = project.serve("main:app", *options.split())
    httpx.get(server.url + "/a?b=1", headers={"user-agent": 'tea "x"'}, timeout=DEADLINE)
    server.end(signal.SIGTERM)
    (line,) = server.output
    assert re.fullmatch(pattern, line)
    assert all(("time" in options) == bool(re.match(TIME, line)) for line in server.log)


def test_08_json_is_a_format_too(project: Project) -> None:
    server = project.serve("main:app", "--log-format", "json")
    (url,) = re.findall(r"http://\S+", json.loads(server.wait_for(" running on "))["message"])
    httpx.get(url, timeout=DEADLINE)
    server.end(signal.SIGTERM)
    assert json.loads(server.output[0])["path"] == "/"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("--log-format time --logging json", "--log-format time and --logging json contradict each other"),
        ("--log-format json --access-log-format common", "JSON has a key for each part"),
        ("--access-log-format %(x)s", "--access-log-format has %(x)s, which is none of h l u "),
        ("--access-log-format combind", "common or combined stand for"),
        ("--access-log-format %(s)d", "is no format"),
    ],
)
def test_08_formats_that_cannot_be_are_told(project: Project, options: str, reason: str) -> None:
    ended = project.ended("main:app", *options.split())
    assert ended.status == 3
    assert reason in ended.log
    assert ended.log.count("\n") == 1


def test_08_lines_that_appear_twice_are_explained(project: Project) -> None:
    twice = "import logging\nlogging.basicConfig()\nlogging.getLogger('uvicorn').propagate = True\n"
    project.write("main.py", APP + twice)
    server = project.serve("main:app")
    line = server.wait_for("Lines of the log appear 2 times")
    assert "the logger 'tricorn' propagates to a handler of the root logger." in line


# --- 9: a CORS error hides a 500 --------------------------------------------------------------------------------------


def test_09_while_developing_a_500_is_no_cors_error_and_the_log_says_what_it_would_be(project: Project) -> None:
    server = project.serve("main:app", program=("-m", "tricorn", "dev"))
    answer = httpx.get(server.url + "/fail", headers={"origin": ORIGIN}, timeout=DEADLINE)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (500, ORIGIN)
    assert f"this 500 of GET '/fail' to '{ORIGIN}' as a CORS error" in server.wait_for("A browser shows")
    serving = project.serve("main:app")
    answer = httpx.get(serving.url + "/fail", headers={"origin": ORIGIN}, timeout=DEADLINE)
    assert "access-control-allow-origin" not in answer.headers
