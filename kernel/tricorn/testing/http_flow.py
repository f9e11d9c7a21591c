"""Who waits for whom, and who learns that the other has left: the part of `HttpSuite` about flow control and ends."""

from __future__ import annotations

import asyncio

from tricorn.testing.client import Answer
from tricorn.testing.http_base import ServingSuite
from tricorn.testing.suite import each

__all__ = ["FlowChecks"]

_DISCONNECT = {"type": "http.disconnect"}
_PIECE = b"0123456789abcdef" * 4096
"""64 KiB, of which the receiver can tell whether a part is missing or out of order."""
_BOUND = 8 * len(_PIECE)
"""More than any version of HTTP has to keep of a stream whose other end waits."""


class FlowChecks(ServingSuite):
    """Backpressure both ways, and disconnects."""

    # --- backpressure ---------------------------------------------------------------------------------------------

    async def check_an_unread_body_stays_with_the_client(self) -> None:
        """And arrives whole when the application reads at last."""
        async with self.serving() as (calls, client):
            answer = client.ask(b"POST", body=_PIECE, end=False, length=32 * len(_PIECE))
            call = await calls()
            for number in range(31):
                client.send(answer, _PIECE, end=number == 30)
                await client.server.settle(2)
            assert client.unsent(answer) >= 32 * len(_PIECE) - _BOUND
            assert await call.body() == _PIECE * 32
            await call.respond(b"done")
            assert await answer.whole() == b"done"

    async def check_a_body_of_unknown_length_stays_with_the_client(self) -> None:
        """Whatever its framing."""
        async with self.serving() as (calls, client):
            answer = client.ask(b"POST", body=_PIECE, end=False)
            call = await calls()
            for number in range(31):
                client.send(answer, _PIECE, end=number == 30)
                await client.server.settle(2)
            assert client.unsent(answer) >= 32 * len(_PIECE) - _BOUND
            assert await call.body() == _PIECE * 32
            await call.respond(b"done")
            assert await answer.whole() == b"done"

    async def check_reading_pauses_and_goes_on(self) -> None:
        """Each time that the application falls behind."""
        async with self.serving() as (calls, client):
            answer = client.ask(b"POST", body=_PIECE, end=False, length=33 * len(_PIECE))
            call = await calls()
            received = 0
            for number in range(16):
                client.send(answer, _PIECE * 2, end=number == 15)
                await client.server.settle(2)
                while received < (2 * number + 3) * len(_PIECE):
                    event = await call.receive()
                    received += len(event["body"])
            assert not event["more_body"]

    @each(known=True, unknown=False)
    async def check_a_slow_client_makes_send_wait(self, known: bool) -> None:
        """What the application could not send stays with the application."""
        async with self.serving() as (calls, client):
            client.pause()
            answer = client.ask()
            call = await calls()
            await call.start(headers=[(b"content-length", b"%d" % (64 * len(_PIECE)))] if known else [])
            sent = 0

            async def stream() -> None:
                nonlocal sent
                for number in range(64):
                    await call.write(_PIECE, more_body=number < 63)
                    sent += 1

            streaming = asyncio.ensure_future(stream())
            await client.server.settle(200)
            assert not streaming.done()
            assert sent * len(_PIECE) <= _BOUND
            assert client.server.transports[-1].most <= _BOUND
            client.resume()
            await streaming
            assert await answer.whole() == _PIECE * 64
            assert client.server.transports[-1].most <= _BOUND

    async def check_the_other_connections_do_not_wait(self) -> None:
        """For a client that does not read."""
        async with self.serving() as (calls, client):
            client.pause()
            client.ask()
            call = await calls()
            await call.start()
            waiting = asyncio.ensure_future(call.write(_PIECE * 16, more_body=True))
            other = type(client)(client.server)
            for _ in range(3):
                answer = other.ask()
                await (await calls()).respond(b"done")
                assert await answer.whole() == b"done"
            assert not waiting.done()
            client.leave(client.answers[0])
            await waiting

    # --- disconnects ----------------------------------------------------------------------------------------------

    async def check_a_waiting_receive_hears_that_the_client_has_left(self) -> None:
        """Within one turn of the loop, and every later one as well."""
        async with self.serving() as (calls, client):
            answer = client.ask()
            call = await calls()
            await call.body()
            waiting = asyncio.ensure_future(call.receive())
            await client.server.settle(2)
            assert not waiting.done()
            client.leave(answer)
            await client.server.settle(2)
            assert waiting.done()
            assert waiting.result() == _DISCONNECT
            assert await call.receive() == _DISCONNECT

    async def check_all_waiting_receives_hear_it(self) -> None:
        """Frameworks listen for the disconnect beside the application."""
        async with self.serving() as (calls, client):
            answer = client.ask()
            call = await calls()
            await call.body()
            waiting = [asyncio.ensure_future(call.receive()) for _ in range(3)]
            await client.server.settle(2)
            client.leave(answer)
            assert await asyncio.gather(*waiting) == [_DISCONNECT] * 3

    async def check_a_cancelled_receive_takes_nothing_with_it(self) -> None:
        """`is_disconnected()` of the frameworks looks whether there is anything, and gives up."""
        async with self.serving() as (calls, client):
            answer = client.ask(b"POST", body=b"hel", end=False, length=5)
            call = await calls()
            assert (await call.receive())["body"] == b"hel"
            for _ in range(100):
                waiting = asyncio.ensure_future(call.receive())
                await asyncio.sleep(0)
                waiting.cancel()
            await client.server.settle(2)
            client.send(answer, b"lo", end=True)
            assert await call.body() == b"lo"

    @each(known=10, unknown=None)
    async def check_a_body_that_breaks_off_is_never_complete(self, length: int | None) -> None:
        """The application must not take a part for the whole."""
        async with self.serving() as (calls, client):
            answer = client.ask(b"POST", body=b"hello", end=False, length=length)
            call = await calls()
            client.leave(answer)
            while (event := await call.receive())["type"] == "http.request":
                assert event["more_body"]
            assert event == _DISCONNECT

    async def check_a_client_that_left_is_no_error(self) -> None:
        """`send` returns quietly: the application finishes what it does, and nothing is logged."""
        async with self.serving() as (calls, client):
            answer = client.ask()
            call = await calls()
            client.leave(answer)
            await call.start()
            await client.server.settle()
            await call.write(b"hel", more_body=True)
            await call.write(b"lo")
            call.finish()
            await client.server.settle()
            assert call.done
            assert not client.server.log
            assert not client.server.kernel.calls

    async def check_a_client_that_leaves_releases_send(self) -> None:
        """It waited for the client to read."""
        async with self.serving() as (calls, client):
            client.pause()
            answer = client.ask()
            call = await calls()
            await call.start()
            waiting = asyncio.ensure_future(call.write(_PIECE * 16, more_body=True))
            await client.server.settle()
            assert not waiting.done()
            client.leave(answer)
            await waiting
            await call.write(b"more", more_body=True)
            assert await call.receive() in ({"type": "http.request", "body": b"", "more_body": False}, _DISCONNECT)
            assert await call.receive() == _DISCONNECT
            call.finish()
            await client.server.settle()
            assert not client.server.log

    async def check_receive_after_the_response_is_a_disconnect(self) -> None:
        """ASGI HTTP specification: the end of the response is the end of the request."""
        async with self.serving() as (calls, client):
            answer = client.ask()
            call = await calls()
            await call.body()
            waiting = asyncio.ensure_future(call.receive())
            await call.start()
            await call.write(b"hello")
            assert await waiting == _DISCONNECT
            assert await call.receive() == _DISCONNECT
            assert await answer.whole() == b"hello"

    async def check_a_call_may_go_on_after_its_response(self) -> None:
        """Background tasks of the frameworks do; the client is served meanwhile."""
        async with self.serving() as (calls, client):
            answer = client.ask()
            first = await calls()
            await first.start()
            await first.write(b"one")
            assert await answer.whole() == b"one"
            answer = client.ask()
            await (await calls()).respond(b"two")
            assert await answer.whole() == b"two"
            assert not first.done

    async def check_an_unread_body_does_not_become_a_request(self) -> None:
        """Whether the connection goes on or not."""
        async with self.serving() as (calls, client):
            smuggled = b"GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n"
            answer: Answer = client.ask(b"POST", body=smuggled, end=False, length=2 * len(smuggled))
            await (await calls()).respond(b"early")
            assert await answer.whole() == b"early"
            client.send(answer, smuggled, end=True)
            await client.server.settle()
            assert calls.count == 1
