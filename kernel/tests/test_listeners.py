"""Where connections come from: TCP, UNIX domain sockets, inherited descriptors, and errors that say what to do."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tricorn import Config
from tricorn.listeners.holder import describe_holder


def bound(**options: Any) -> list[socket.socket]:
    return Config("app:app", log_config=None, **options).bind_sockets()


def refused(caplog: pytest.LogCaptureFixture, **options: Any) -> str:
    """The one line that is logged where the address cannot be had."""
    with pytest.raises(SystemExit) as caught:
        bound(**options)
    assert caught.value.code == 3
    assert len(caplog.messages) == 1
    return caplog.messages[0]


def close(sockets: list[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def test_port_0_takes_a_free_one_and_does_not_listen_yet() -> None:
    (sock,) = bound(port=0)
    with sock, socket.socket() as client, pytest.raises(ConnectionRefusedError):
        client.connect(sock.getsockname())


def test_a_name_with_several_addresses_listens_on_all_with_one_port() -> None:
    sockets = bound(host="localhost", port=0)
    try:
        assert len({sock.getsockname()[1] for sock in sockets}) == 1
        assert "127.0.0.1" in {sock.getsockname()[0] for sock in sockets}
    finally:
        close(sockets)


def test_a_port_in_use_is_told_with_who_has_it(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = refused(caplog, port=port)
    assert text.startswith(f"Cannot listen on 127.0.0.1:{port}: address already in use")
    assert f"pid {os.getpid()}" in text
    assert text.endswith(f"Try --port {port + 1}, or --port 0 for any free one.")


def test_an_address_of_another_machine_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert refused(caplog, host="192.0.2.1", port=0).startswith("Cannot listen on 192.0.2.1:0: cannot assign")


def test_a_name_without_address_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert refused(caplog, host="nowhere.invalid").startswith("Cannot listen on nowhere.invalid:")


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_out_of_range_is_told(port: int, caplog: pytest.LogCaptureFixture) -> None:
    assert refused(caplog, port=port) == f"Cannot listen on port {port}: a port is a number from 0 to 65535."


def test_a_socket_file_is_for_everybody_and_goes_away(tmp_path: Path) -> None:
    config = Config("app:app", log_config=None, uds=str(tmp_path / "s"))
    close(config.bind_sockets())
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o666
    assert config.listener.close is not None
    config.listener.close(config)
    assert not (tmp_path / "s").exists()


def test_a_socket_file_that_is_left_over_is_replaced_with_its_permissions(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(tmp_path / "s"))
    (tmp_path / "s").chmod(0o600)
    close(bound(uds=tmp_path / "s"))
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600


def test_a_socket_file_of_a_running_server_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "s"))
        other.listen()
        assert refused(caplog, uds=str(tmp_path / "s")).endswith("s: another server listens there.")
    assert (tmp_path / "s").exists()


def test_a_socket_file_that_another_server_put_there_is_not_removed(tmp_path: Path) -> None:
    config = Config("app:app", log_config=None, uds=str(tmp_path / "s"))
    close(config.bind_sockets())
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "t"))
    (tmp_path / "t").rename(tmp_path / "s")
    assert config.listener.close is not None
    config.listener.close(config)
    assert (tmp_path / "s").exists()


def test_a_file_that_is_no_socket_is_never_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "data").write_text("precious")
    assert refused(caplog, uds=str(tmp_path / "data")).endswith("data: it exists and is not a socket.")
    assert (tmp_path / "data").read_text() == "precious"


def test_a_directory_that_does_not_exist_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert refused(caplog, uds=str(tmp_path / "no" / "s")).endswith("no such file or directory.")


def test_a_descriptor_gives_its_socket_whatever_the_family(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as given:
        (sock,) = bound(fd=given.fileno())
        assert (sock.family, sock.getsockname()) == (socket.AF_INET, given.getsockname())
        sock.close()
        assert given.fileno() > 0


def test_a_descriptor_that_is_none_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert refused(caplog, fd=9999) == "Cannot listen on file descriptor 9999: bad file descriptor."


def test_a_descriptor_of_something_else_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        assert refused(caplog, fd=datagram.fileno()).endswith("it is not a stream socket.")


def test_bind_socket_gives_an_inheritable_socket_and_says_where(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tricorn.error")
    with Config("app:app", log_config=None, port=0).bind_socket() as sock:
        assert sock.get_inheritable()
        port = sock.getsockname()[1]
    assert f"Tricorn running on http://127.0.0.1:{port} (Press CTRL+C to quit)" in caplog.messages


LISTENING = """
import socket, sys
taken = socket.create_server(("127.0.0.1", 0))
print(taken.getsockname()[1], flush=True)
sys.stdin.read()
"""


def test_a_command_of_several_lines_is_told_in_one() -> None:
    command = [sys.executable, "-c", LISTENING]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        said = describe_holder(int(other.stdout.readline()))
        other.communicate()
    assert f"(pid {other.pid}, " in said
    assert " -c import socket, sys taken = socket.create_server" in said
