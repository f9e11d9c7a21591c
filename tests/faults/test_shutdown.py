"""Ending under load: whoever has reached the application is answered."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path

import pytest

from tests.apps import abuse
from tests.load import Load
from tests.servers import DEADLINE, HTTP, LOOP, CommandLine, ThreadServer, connect, read_all, read_until
from tests.watching import Watched
from tricorn.testing.ws_peer import TEXT, close_frame, frame

HANDSHAKE = (
    b"GET /later HTTP/1.1\r\nhost: test\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest.mark.parametrize("http", HTTP)
@pytest.mark.parametrize("loop", LOOP)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_under_load_loses_no_request(http: str, loop: str, number: signal.Signals, tmp_path: Path) -> None:
    """As many complete answers arrive as the application was called.

    A connection that the end of the server meets before a request on it was read is closed without an answer, and its
    client may ask elsewhere (RFC 9112 section 9.3.1): no server can tell that a request is on its way.
    """
    arguments = ("tests.apps.abuse:app", "--port", "0", "--http", http, "--loop", loop, "--no-access-log")
    with CommandLine(*arguments, directory=tmp_path) as process:
        server = Watched(process)
        with connect(server.address) as slow, Load(server.url) as load:
            load.wait_for(100)
            slow.sendall(b"GET /slow HTTP/1.1\r\nhost: test\r\n\r\n")
            while "slow" not in server.seen():
                pass
            status = process.end(number)
            assert status == (-signal.SIGTERM if number == signal.SIGTERM else 0)
            assert read_all(slow).endswith(b"\r\n\r\ndone")
        assert load.cut == []
        assert f"served {len(load.answers)}" in process.log
        assert not any("ERROR" in line for line in process.log)


def test_a_stream_is_ended_while_other_requests_get_their_time(tmp_path: Path) -> None:
    """A stream without an announced length may have no end; what waits for its answer has one."""
    arguments = ("tests.apps.abuse:app", "--port", "0", "--timeout-graceful-streams", "0.1")
    with CommandLine(*arguments, directory=tmp_path) as process:
        server = Watched(process)
        with connect(server.address) as stream, connect(server.address) as other:
            stream.sendall(b"GET /listen?a=b HTTP/1.1\r\nhost: test\r\n\r\n")
            read_until(stream, b"listening")
            other.sendall(b"GET /later HTTP/1.1\r\nhost: test\r\n\r\n")
            while "later" not in server.seen():
                pass
            process.popen.send_signal(signal.SIGTERM)
            assert read_all(stream).endswith(b"goodbye\n\r\n0\r\n\r\n")
            assert read_all(other).endswith(b"\r\n\r\nok")
        process.end()
        assert any(line.endswith("Ending 1 stream (GET /listen?a=b).") for line in process.log)
        assert any(line.endswith("Waiting for 1 request (GET /later).") for line in process.log)


def test_a_websocket_gets_its_answer_before_it_is_closed(tmp_path: Path) -> None:
    """What its client has asked for by the time of the signal; the client may then end it itself."""
    arguments = ("tests.apps.abuse:app", "--port", "0", "--timeout-graceful-streams", str(DEADLINE))
    with CommandLine(*arguments, directory=tmp_path) as process:
        server = Watched(process)
        with connect(server.address) as client:
            client.sendall(HANDSHAKE + frame(TEXT, b"asked"))
            while "later" not in server.seen():
                pass
            process.popen.send_signal(signal.SIGTERM)
            read_until(client, b"\x81\x05asked")
            client.sendall(close_frame(1000))
            assert read_all(client) == b"\x88\x02\x03\xe8"
            assert process.end() == -signal.SIGTERM


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("there", [True, False], ids=["with its client", "whose client has left"])
def test_a_stream_that_does_not_listen_is_cancelled(workers: str, there: bool, tmp_path: Path) -> None:
    """What was told that nobody listens, and never asked, would go on for ever; a worker would with it."""
    arguments = ("tests.apps.abuse:app", "--port", "0", "--workers", workers, "--timeout-graceful-streams", "0.1")
    with CommandLine(*arguments, directory=tmp_path) as process:
        server = Watched(process)
        with connect(server.address) as stream:
            stream.sendall(b"GET /deaf HTTP/1.1\r\nhost: test\r\n\r\n")
            read_until(stream, b"still here")
            if not there:
                stream.close()
            assert process.end(signal.SIGINT) == 0
            assert not there or not read_all(stream).endswith(b"0\r\n\r\n")
        assert any(line.endswith("Ending 1 stream (GET /deaf).") for line in process.log)
        assert any(line.endswith("Cancelling 1 stream not ended when told (GET /deaf).") for line in process.log)


def test_a_stream_that_does_not_listen_is_cut_at_the_end_of_the_graceful_time(tmp_path: Path) -> None:
    arguments = ("tests.apps.abuse:app", "--port", "0", "--timeout-graceful-shutdown", "0.3")
    with CommandLine(*arguments, directory=tmp_path) as process:
        server = Watched(process)
        with connect(server.address) as stream:
            stream.sendall(b"GET /deaf HTTP/1.1\r\nhost: test\r\n\r\n")
            read_until(stream, b"still here")
            assert process.end(signal.SIGTERM) == -signal.SIGTERM
        assert any("Cancel 1 running task(s), timeout graceful shutdown exceeded" in line for line in process.log)


def test_a_server_of_a_test_ends_with_its_streams_open() -> None:
    with contextlib.ExitStack() as opened:
        with ThreadServer(abuse.app) as server:
            stream = opened.enter_context(connect(server.address))
            stream.sendall(b"GET /listen HTTP/1.1\r\nhost: test\r\n\r\n")
            read_until(stream, b"listening")
        assert read_all(stream).endswith(b"goodbye\n\r\n0\r\n\r\n")
