"""What a provider makes of bytes, in whatever segments they come: for comparing providers, and for fuzzing them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tricorn.api import Headers, HttpProvider, Receive, Scope, Send
from tricorn.testing.http1_client import Http1Client
from tricorn.testing.memory_server import memory_server, run_in_memory

__all__ = ["Outcome", "Request", "replay"]


@dataclass(frozen=True)
class Request:
    """A request whose body the application has read to its end."""

    method: str
    version: str
    raw_path: bytes
    query: bytes
    headers: Headers
    body: bytes


@dataclass(frozen=True)
class Outcome:
    """What came of the bytes of one connection.

    requests: what the application got whole. statuses: of the answers, in order, with whether each announced that the
    connection closes behind it.
    """

    requests: list[Request]
    statuses: list[tuple[int, bool]]


class _Recorder:
    """An application that reads every request and answers it."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytearray()
        more = True
        while more:
            event = await receive()
            if event["type"] != "http.request":
                return
            body += event["body"]
            more = event["more_body"]
        self.requests.append(
            Request(
                scope["method"],
                scope["http_version"],
                scope["raw_path"],
                scope["query_string"],
                list(scope["headers"]),
                bytes(body),
            )
        )
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"done"})


def replay(provider: HttpProvider, segments: Iterable[bytes]) -> Outcome:
    """Send segments over one connection, then the end of input; every answer is read strictly.

    Raises AssertionError for answers that no server may send, and for any error that nobody handled.
    """
    outcome: list[Outcome] = []

    async def run() -> None:
        recorder = _Recorder()
        async with memory_server(recorder.app, provider) as server:
            client = Http1Client(server, any_answers=True)
            for segment in segments:
                if segment:
                    client.send_raw(segment)
                    await server.settle(2)
            # All that is complete is answered first: after the end of input the last answer announces the close.
            await server.settle(100)
            client.half_close()
            await client.until_closed()
            errors = [record for record in server.log if record.exc_info]
            assert not errors, errors[0].getMessage()
            statuses = [
                (answer.status, answer.values(b"connection") == [b"close"])
                for answer in client.answers
                if answer.status is not None
            ]
            outcome.append(Outcome(recorder.requests, statuses))

    run_in_memory(run())
    return outcome[0]
