"""Connections that come together on uvloop, and by how many descriptors they are accepted."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from typing import Any, cast

import pytest
import uvloop

from tricorn_loop_uvloop import batches
from tricorn_loop_uvloop.batches import BUSY, MOST, Batches, listen

WAVE = 200
"""Connections that wait together."""


class Answer(asyncio.Protocol):
    """Sends one byte to whoever connects, and hangs up."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        to_client = cast("asyncio.Transport", transport)
        to_client.write(b"x")
        to_client.close()


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=2 * WAVE) as bound:
        bound.setblocking(False)
        yield bound


@pytest.fixture(autouse=True)
def no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A period ends when the test says so."""
    monkeypatch.setattr(batches, "PERIOD", 3600)


def run(check: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run it on uvloop, but not for ever."""
    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(asyncio.wait_for(check(), 60))
    finally:
        loop.close()


async def wave(sock: socket.socket) -> None:
    """So many connections at once, each of which is answered."""
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        # The loop does not turn meanwhile.
        clients = [stack.enter_context(socket.create_connection(sock.getsockname())) for _ in range(WAVE)]
        for client in clients:
            client.setblocking(False)
            assert await loop.sock_recv(client, 2) == b"x"


async def judged(serving: Batches) -> int:
    """The period ends; by how many descriptors connections come then."""
    serving._judge()
    if serving._changing is not None:
        await serving._changing
    return serving.descriptors


def test_a_flood_is_accepted_by_more_descriptors_which_go_when_it_is_over(sock: socket.socket) -> None:
    async def check() -> None:
        serving = await listen(sock, Answer, 2 * WAVE, {})
        found = [serving.descriptors]
        while found[-1] < MOST:
            await wave(sock)
            found.append(await judged(serving))
        await wave(sock)
        assert found == [1, 2, 4, 8, 16]
        assert len(serving.sockets) == 1
        assert await judged(serving) == MOST
        assert await judged(serving) == 1
        await wave(sock)
        serving.close()

    run(check)


def test_closing_closes_every_descriptor(sock: socket.socket) -> None:
    address = sock.getsockname()

    async def check() -> None:
        serving = await listen(sock, Answer, 2 * WAVE, {})
        await wave(sock)
        assert await judged(serving) == 2
        await wave(sock)
        serving._judge()  # and it is closed before the others are there
        serving.close()
        await asyncio.sleep(0.01)
        assert not serving._changing
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)

    run(check)


def test_without_a_descriptor_to_spare_it_goes_on_with_what_it_has(
    sock: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Exhausted(socket.socket):
        def dup(self) -> socket.socket:
            raise OSError(24, "Too many open files")

    async def check() -> None:
        serving = await listen(Exhausted(fileno=sock.detach()), Answer, 2 * WAVE, {})
        for _ in range(3):
            await wave(serving._socket)
            assert await judged(serving) == 1
        serving.close()
        serving._socket.close()

    run(check)


def test_a_descriptor_that_cannot_be_listened_on_is_closed(
    sock: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[socket.socket] = []

    class Watched(socket.socket):
        def dup(self) -> socket.socket:
            made.append(super().dup())
            return made[-1]

    async def refuse(*_: object, **__: object) -> None:
        raise OSError(98, "Address already in use")

    async def check() -> None:
        serving = await listen(Watched(fileno=sock.detach()), Answer, 2 * WAVE, {})
        await wave(serving._socket)
        monkeypatch.setattr(serving, "_loop", Loop(serving._loop, refuse))
        assert await judged(serving) == 1
        assert [each.fileno() for each in made] == [-1]
        serving.close()
        serving._socket.close()

    run(check)


class Loop:
    """A loop that has another `create_server`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, create_server: Callable[..., Any]) -> None:
        self.create_server = create_server
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)


def test_it_is_like_the_server_that_uvloop_has(sock: socket.socket) -> None:
    async def check() -> None:
        serving = await listen(sock, Answer, 256, {})
        assert serving.is_serving()
        assert serving.get_loop() is asyncio.get_running_loop()
        assert serving.sockets[0].getsockname() == sock.getsockname()
        serving.close()
        assert not serving.is_serving()
        await serving.wait_closed()

    run(check)


def having(descriptors: int) -> Batches:
    """What has so many descriptors."""
    made = Batches(None, None, Answer, 1, {})  # type: ignore[arg-type]
    made._servers = [None] * descriptors  # type: ignore[list-item]
    return made


@pytest.mark.parametrize(
    ("descriptors", "accepted", "turns", "then"),
    [
        (1, BUSY - 1, 0, 1),  # few: whatever they cost
        (1, BUSY, 0, 2),  # many: is it worth it?
        (2, 2 * BUSY, BUSY, 4),  # both always found one
        (2, int(1.5 * BUSY), BUSY, 2),
        (2, BUSY, BUSY, 1),  # they come one by one
        (4, 4 * BUSY, BUSY, 8),
        (16, 16 * BUSY, BUSY, 16),
        (16, 8 * BUSY, BUSY, 8),
        (16, BUSY - 1, 10, 1),  # it is over
    ],
)
def test_there_are_as_many_descriptors_as_connections_in_a_turn(
    descriptors: int, accepted: int, turns: int, then: int
) -> None:
    assert having(descriptors)._wanted(accepted, turns) == then
