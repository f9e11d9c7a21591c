"""Early hints (RFC 8297) and trailers: the extensions of ASGI that HTTP/2 brings."""

from __future__ import annotations

from typing import Any

import pytest
from hyperframe.frame import RstStreamFrame, SettingsFrame, WindowUpdateFrame

from plugins.http_h2.tests.peer import Peer, get, serving
from tricorn.testing.calls import Call, Calls

TE = (b"te", b"trailers")
TRAILERS = {"type": "http.response.trailers", "headers": [(b"x-checksum", b"1")]}


async def hint(call: Call, *links: bytes) -> None:
    await call.send({"type": "http.response.early_hint", "links": list(links)})


async def start(call: Call, status: int = 200) -> None:
    await call.send({"type": "http.response.start", "status": status, "headers": [], "trailers": True})


async def test_the_scope_announces_them() -> None:
    calls = Calls()
    async with serving(calls.app) as server:
        Peer(server).send(b"")
        peer = Peer(server)
        peer.send(peer.request(1))
        assert (await calls()).scope["extensions"] == {"http.response.early_hint": {}, "http.response.trailers": {}}


async def test_early_hints_go_ahead_of_the_response() -> None:
    calls = Calls()
    async with serving(calls.app) as server:
        peer = Peer(server)
        peer.send(peer.request(1))
        call = await calls()
        await hint(call, b"</style.css>; rel=preload", b"</app.js>; rel=preload")
        await hint(call, b"</font.woff>; rel=preload")
        assert await peer.status(1) == 103
        await call.respond(b"done")
        await peer.until(lambda: peer.ended(1))
        assert peer.fields[1][:2] == [
            [(b":status", b"103"), (b"link", b"</style.css>; rel=preload"), (b"link", b"</app.js>; rel=preload")],
            [(b":status", b"103"), (b"link", b"</font.woff>; rel=preload")],
        ]
        assert dict(peer.fields[1][2])[b":status"] == b"200"


async def test_early_hints_behind_the_head_are_an_error() -> None:
    calls = Calls()
    async with serving(calls.app) as server:
        peer = Peer(server)
        peer.send(peer.request(1))
        call = await calls()
        await call.start()
        with pytest.raises(RuntimeError, match="early_hint"):
            await hint(call, b"</late.css>")


async def test_invalid_hints_do_not_reach_the_wire() -> None:
    calls = Calls()
    async with serving(calls.app) as server:
        peer = Peer(server)
        peer.send(peer.request(1))
        call = await calls()
        with pytest.raises(ValueError, match="value"):
            await hint(call, b"</a>\r\nx: y")
        await call.respond(b"done")
        assert await peer.status(1) == 200


@pytest.mark.parametrize("body", [b"", b"hello"])
async def test_trailers_end_the_response(body: bytes) -> None:
    calls = Calls()
    async with serving(calls.app) as server:
        peer = Peer(server)
        peer.send(peer.request(1, [*get(), TE]))
        call = await calls()
        await start(call)
        await call.write(body)
        await server.settle()
        assert not peer.ended(1)
        await call.send({**TRAILERS, "more_trailers": True})
        await call.send({"type": "http.response.trailers", "headers": [(b"X-Count", b"2")]})
        await peer.until(lambda: peer.ended(1))
        assert peer.body(1) == body
        assert peer.fields[1][1] == [(b"x-checksum", b"1"), (b"x-count", b"2")]


async def test_trailers_wait_for_the_data_in_front_of_them() -> None:
    calls = Calls()
    async with serving(calls.app) as server:
        peer = Peer(server)
        peer.send(SettingsFrame(settings={4: 3}), peer.request(1, [*get(), TE]))
        call = await calls()
        await start(call)
        await call.write(b"hello")
        await call.send(TRAILERS)
        await server.settle()
        assert len(peer.fields[1]) == 1
        peer.send(WindowUpdateFrame(1, 100))
        await peer.until(lambda: peer.ended(1))
        assert peer.body(1) == b"hello"
        assert peer.fields[1][1] == [(b"x-checksum", b"1")]


async def test_a_client_that_does_not_ask_for_trailers_gets_none() -> None:
    calls = Calls()
    async with serving(calls.app) as server:
        peer = Peer(server)
        peer.send(peer.request(1))
        call = await calls()
        await start(call)
        await call.write(b"hello")
        await call.send(TRAILERS)
        await peer.until(lambda: peer.ended(1))
        assert len(peer.fields[1]) == 1


async def test_promised_trailers_that_do_not_come_cut_the_response() -> None:
    calls = Calls()
    async with serving(calls.app) as server:
        peer = Peer(server)
        peer.send(peer.request(1, [*get(), TE]))
        call = await calls()
        await start(call)
        await call.write(b"hello")
        call.finish()
        await peer.next(RstStreamFrame, 1)


@pytest.mark.parametrize(
    "event", [{"type": "http.response.body", "body": b"more"}, {**TRAILERS, "headers": [(b":path", b"/")]}]
)
async def test_wrong_events_where_trailers_are_due_raise(event: dict[str, Any]) -> None:
    calls = Calls()
    async with serving(calls.app) as server:
        peer = Peer(server)
        peer.send(peer.request(1, [*get(), TE]))
        call = await calls()
        await start(call)
        await call.write(b"hello")
        with pytest.raises((RuntimeError, ValueError)):
            await call.send(event)
        await call.send(TRAILERS)
        await peer.until(lambda: peer.ended(1))
