"""Everything a plugin imports: the interfaces on both sides of each seam, and the descriptors that hooks return.

Hooks run at start-up and hand the kernel small descriptors (`HttpProvider`, `WsProvider`, ...). What the descriptors
hold is called directly while serving: no plugin manager stands between a socket and an application.

This module imports typing, dataclasses and pluggy only, so that importing a plugin never pulls the server in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import pluggy

if TYPE_CHECKING:
    import asyncio
    import logging
    import socket

    import click

__all__ = [
    "API_VERSION",
    "ASGIApp",
    "CommandProvider",
    "Connection",
    "Head",
    "Headers",
    "Http1Codec",
    "HttpProvider",
    "InterfaceProvider",
    "Kernel",
    "LifespanProvider",
    "ListenerProvider",
    "LogProvider",
    "LoopProvider",
    "Observer",
    "Option",
    "Receive",
    "Receiver",
    "Refusal",
    "Row",
    "Scope",
    "Send",
    "Stream",
    "SupervisorProvider",
    "Table",
    "TerminalProvider",
    "Tunnel",
    "Unavailable",
    "WsCodec",
    "WsProvider",
    "WsSink",
    "hookimpl",
]

API_VERSION = 1
"""The number a plugin module states as `tricorn_api`. It changes when an interface here changes incompatibly."""

hookimpl = pluggy.HookimplMarker("tricorn")
"""Marks a plugin's function as the implementation of the hook of the same name."""

Scope = MutableMapping[str, Any]
"""What an application is called for, under the keys of the ASGI specification: `type`, `path`, `headers` and so on."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
"""Waits for the next event of the client, as a mapping whose `type` says what it is."""

Send = Callable[[Message], Awaitable[None]]
"""Takes an event for the client; waits while that reads too slowly."""

ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
"""An application of ASGI 3."""

Headers = list[tuple[bytes, bytes]]
"""Fields in the order of the message: names in lower case, values without white space around them."""

Address = tuple[str, int]


class Unavailable(Exception):
    """A plugin cannot work here: its library is missing, or the platform is not supported.

    Raise it from a hook with a one-line reason. `auto` then tries the next plugin of its list; a plugin that was asked
    for by name stops the start-up with the reason. Any other exception always stops the start-up: broken code is
    never passed over.
    """


class Refusal(Exception):
    """A request that is answered by the server itself and never reaches the application.

    `status` is the response status (400..599); `headers` are added to the response, which closes the connection.
    """

    def __init__(self, status: int, reason: str, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers


# --- HTTP: what an HTTP plugin and the kernel see of each other ---------------------------------------------------


PROXY_FIELDS = frozenset(
    (b"forwarded", *(b"x-forwarded-" + name for name in (b"for", b"proto", b"host", b"port", b"prefix")))
)
"""The request fields in which a proxy says whom it speaks for (RFC 7239, and what was in use before it)."""


class Head:
    """The head of a request, as an HTTP plugin hands it to `Kernel.open`.

    method: a token in the client's own case.
    target: origin-form, absolute-form or `*`: the bytes of the request line (RFC 9112 section 3.2), or `:path`.
    version: `"1.0"`, `"1.1"`, `"2"` or `"3"`.
    headers: names in lower case, values without the white space around them, in the order received.
    protocol: the upgrade that the head asks for (`b"websocket"`), from `Upgrade` or from `:protocol` (RFC 8441).
    expects: the client waits for 100 (Continue) before it sends the body (RFC 9110 section 10.1.1).
    complete: the head is all of the request: `Receiver.feed` and `Receiver.end` are not called for it.
    proxied: it has a field of `PROXY_FIELDS`.

    One head may be used for many requests: it is valid during `Kernel.open`, and its `headers` are the request's own.
    Only one with a `protocol` is the receiver's to keep.
    """

    __slots__ = ("complete", "expects", "headers", "method", "protocol", "proxied", "target", "version")

    def __init__(
        self,
        method: str,
        target: bytes,
        version: str,
        headers: Headers,
        protocol: bytes | None = None,
        expects: bool = False,
        complete: bool = False,
    ) -> None:
        self.method = method
        self.target = target
        self.version = version
        self.headers = headers
        self.protocol = protocol
        self.expects = expects
        self.complete = complete
        self.proxied = not PROXY_FIELDS.isdisjoint(dict(headers))


class Receiver(Protocol):
    """The kernel's end of one stream; an HTTP plugin calls it as the request's body arrives.

    task: the application call, from `start` until it has ended; it may go on when the stream is gone.
    """

    task: asyncio.Task[None] | None

    def start(self) -> None:
        """Begin the application call. Called once, after all of the read that brought the head has been fed.

        A request whose framing turns out broken within that read is dropped without this call.
        """

    def feed(self, data: bytes) -> None:
        """Take body bytes, unframed and never empty. May call `Stream.pause_reading` before it returns.

        Raises Refusal when there are more than the server takes: the plugin calls `disconnect`, and answers with it
        where no head has been sent, else cuts the stream.
        """

    def end(self) -> None:
        """The body is complete. Called once, and not after `disconnect`."""

    def disconnect(self) -> None:
        """The client is gone: end of input inside the body, a reset, or a lost connection. Nothing follows."""


class Stream(Protocol):
    """An HTTP plugin's end of one stream; the kernel calls it as the application answers.

    client, server: the peer's and our own address as ASGI gives them; None where the transport has none.
    peer: the client for log lines, `host:port`, or empty.
    congested: the peer takes data more slowly than it is sent; `blocked` tells what to await.
    deadline: once a tunnel has been accepted, the receiver's (`Tunnel`).
    secure: TLS. multiplexed: other streams share the connection (HTTP/2 and 3), so it never ends with this one.
    fields: renders and caches the response fields in the form that `send_head` takes (`tricorn.fields.FieldTable`).
    """

    client: tuple[str, int] | None
    server: tuple[str, int | None] | None
    peer: str
    secure: bool
    multiplexed: bool
    congested: bool
    deadline: float
    fields: Any

    def send_head(self, status: int, fields: list[Any], flags: int, data: bytes, end: bool) -> None:
        """Send the head of the final response and the first bytes of its body, in one write where that can be.

        fields: what `self.fields` rendered: validated, without fields of the connection; the list is the stream's.
        flags: DATE, SERVER, CLOSE and FRAMED of `tricorn.fields`. end: `data` is all of the body.
        """

    def send_data(self, data: bytes, end: bool) -> None:
        """Send body bytes; with `end` the response is complete and the stream may serve its next request."""

    def send_pieces(self, pieces: Sequence[bytes]) -> None:
        """Send raw bytes of a tunnel that come in large pieces, without joining them where the transport need not."""

    def send_trailers(self, headers: Headers) -> None:
        """Send the trailer section and end the response."""

    def send_informational(self, status: int, headers: Headers) -> None:
        """Send an interim response (1xx). Quietly nothing where the peer cannot take one (HTTP/1.0)."""

    def accept_tunnel(self, headers: Headers, receiver: Tunnel) -> None:
        """Answer an upgrade (101, or 200 to an extended CONNECT) and pass all that follows to `receiver`.

        Bytes that were read behind the head reach `receiver.feed` before this returns or right after.
        From here on `send_data` sends raw bytes, and `end` closes the sending side.
        """

    def pause_reading(self) -> None:
        """Stop calling `Receiver.feed` after what has been read already."""

    def resume_reading(self) -> None:
        """Undo `pause_reading`."""

    def abort(self) -> None:
        """Cut the stream so that the client sees that it is incomplete."""

    @property
    def keeps(self) -> Callable[[int], None] | None:
        """Called by the receiver of a tunnel with how many bytes of messages it keeps, after each read; None where
        the stream has its connection for itself, since what many keep needs a bound of its own (`Tunnel.refuse`)."""

    def blocked(self) -> Awaitable[None] | None:
        """None while the peer takes data as fast as it is sent; else what to await before sending more.

        The awaitable returns when there is room again, or when the stream is gone.
        """


class Http1Codec(Protocol):
    """Reads HTTP/1 message heads (RFC 9112 sections 2 to 5) of one connection.

    The kernel finds the end of a head, applies every rule about it and owns the framing of bodies, so that no two
    codecs can disagree about where a message ends. A codec is only a fast reader of what is legal. It sees heads
    alone, and of fields that the kernel has read before it may see only Host. After a head that announces a body or
    asks for an upgrade, and after one that it declined, a connection makes itself a new codec.
    """

    def read_head(self, head: bytes) -> tuple[bytes, bytes, Headers]:
        """Split one complete head, from the request line through the empty line, into (method, target, fields).

        Method and target are the bytes of the request line. Field names are lower-cased; values lose the white space
        around them and nothing else; order and duplicates are kept.

        Raises ValueError for a head that the codec does not read, legal or not: the kernel then reads it by its own
        strict grammar, and either serves it or refuses it.
        """
        ...


class Connection(Protocol):
    """What the kernel keeps of an open connection; an HTTP plugin's protocol object has these besides asyncio's.

    deadline: the `Kernel.clock` reading at which `expire` is due; 0 for none. A plain number, read by one sweep.
    """

    deadline: float

    def expire(self) -> None:
        """The deadline has passed."""

    def drain(self) -> None:
        """The server is shutting down: close when idle, else after the requests being served."""

    def abort(self) -> None:
        """Close at once, without waiting for anything."""


class Kernel(Protocol):
    """The kernel as an HTTP plugin sees it.

    settings: every option as an attribute. ws: the WebSocket plugin, or None where none was selected.
    log: the logger `tricorn.error`. clock: the loop's, in seconds, as it was at the last sweep.
    draining: the server is shutting down. default_fields: the lines that begin every response (Date, Server, further).
    timeout_head, timeout_body, timeout_write, keep_alive: seconds; the first three may be 0, which `due` knows.
    total_requests: responses that are complete; a connection counts its own.
    """

    settings: Any
    ws: WsProvider | None
    log: logging.Logger
    clock: float
    draining: bool
    default_fields: bytes
    timeout_head: float
    timeout_body: float
    timeout_write: float
    keep_alive: float
    total_requests: int

    def open(self, stream: Stream, head: Head) -> Receiver:
        """Start serving a request: an application call, or an answer of the server's own.

        Raises Refusal when the head breaks a rule; the plugin answers with it (`Refusal.status`).
        """
        ...

    def add(self, connection: Connection) -> None:
        """Register an accepted connection; every one is removed again."""

    def remove(self, connection: Connection) -> None:
        """Forget a closed connection."""

    def at_turn_end(self, flush: Callable[[], None]) -> None:
        """Call `flush` once, when all that is ready in this turn of the loop has run."""

    def due(self, seconds: float) -> float:
        """The clock reading so many seconds from now; infinite for 0, which switches a deadline off."""
        ...

    def addresses(
        self, transport: asyncio.BaseTransport
    ) -> tuple[tuple[str, int] | None, tuple[str, int | None] | None, str]:
        """`Stream.client`, `Stream.server` and `Stream.peer` of a transport."""
        ...

    def refused(self, refusal: Refusal) -> None:
        """Log a refusal that the plugin answers."""


@dataclass(eq=False, repr=False)
class HttpProvider:
    """An HTTP plugin: a codec for the kernel's HTTP/1 connection, or a whole connection of its own.

    codec: makes the `Http1Codec` of a connection. connection: makes the protocol object of a connection from the
    kernel. Exactly one of the two is given.
    alpn: the ALPN protocol names (RFC 7301) that this plugin serves, best first.
    preface: the first bytes that tell this protocol apart on a clear-text connection (RFC 9113 section 3.4).
    upgrade: asked about the first request of a clear-text connection when it asks for an upgrade, is legal, has arrived
    whole and has no body. Returns the protocol object that takes the connection over with this request, its 101 being
    what `connection_made` writes first (RFC 9110 section 7.8), or None: the request is then served as it came.
    """

    codec: Callable[[], Http1Codec] | None = None
    connection: Callable[[Kernel], asyncio.Protocol] | None = None
    alpn: tuple[str, ...] = ("http/1.1",)
    preface: bytes | None = None
    upgrade: Callable[[Kernel, Head], asyncio.Protocol | None] | None = None

    def __post_init__(self) -> None:
        if (self.codec is None) == (self.connection is None):
            raise TypeError("an HttpProvider has either a codec or a connection")


# --- WebSocket ----------------------------------------------------------------------------------------------------


class Tunnel(Receiver, Protocol):
    """The receiver of an accepted tunnel: besides bytes it hears of deadlines and of too much memory.

    A connection forwards its own `expire` to the receiver while it tunnels; the receiver keeps `Stream.deadline`.
    After `send_data(..., end=True)` the deadline is the connection's again.
    """

    @property
    def kept(self) -> int:
        """Bytes of messages that it keeps, whether their end has arrived or not."""
        ...

    def expire(self) -> None:
        """The `Stream.deadline` that the receiver set has passed."""

    def refuse(self) -> None:
        """Drop what is kept and end the tunnel: its connection keeps too much, and this one most of it."""


class WsSink(Protocol):
    """The kernel's end of a WebSocket codec."""

    def on_message(self, data: str | bytes) -> bool:
        """A complete message, in the order of arrival; text as str, decoded strictly.

        False: stop here. The codec keeps what it has not read and goes on at the next `WsCodec.receive`, so that
        nothing is read, and above all nothing inflated, ahead of the application.
        """
        ...

    def on_ping(self, pong: bytes) -> None:
        """A ping frame, and the frame that answers it. A later answer may replace one that has not left
        (RFC 6455 section 5.5.3)."""

    def on_pong(self, payload: bytes) -> None:
        """A pong frame; `payload` is what our ping carried."""

    def on_close(self, code: int, reason: str, reply: bytes) -> None:
        """The peer's close frame (1005 where it had no code), or the codec's verdict on a broken one.

        reply: the close frame that answers it or carries the verdict (1002, 1007, 1009); empty when a close frame was
        sent before. Called once; the codec drops what follows.
        """


class WsCodec(Protocol):
    """Reads and writes WebSocket frames (RFC 6455) on the server's side, extensions included."""

    @property
    def unfinished(self) -> int:
        """Bytes kept of a message whose end has not arrived, inflated as far as they are."""
        ...

    def receive(self, data: bytes) -> None:
        """Take bytes from the peer, possibly none, and call the sink. Never raises for what a peer can send."""

    def send(self, data: str | bytes) -> bytes | tuple[bytes, bytes] | Iterator[bytes]:
        """One message as frames; in parts where making all of them would take longer than a turn of the loop should.

        No other message is sent until the parts are used up; control frames may come between. A tuple is one frame: its
        head, and a large payload that was not copied next to it. That may be kept until it can leave, so nobody must be
        able to change it: bytes, not the bytearray of an application.
        """
        ...

    def ping(self, payload: bytes) -> bytes:
        """A ping frame; payload up to 125 bytes."""
        ...

    def close(self, code: int, reason: str) -> bytes:
        """A close frame; empty where one was sent before. 1005 stands for a frame without a code.

        The kernel passes codes that may be sent (RFC 6455 section 7.4) and reasons of at most 123 bytes.
        """
        ...


@dataclass(eq=False, repr=False)
class WsProvider:
    """A WebSocket plugin.

    codec: called after a valid handshake with the sink, the kernel's settings (`ws_max_size` in bytes,
    `ws_per_message_deflate`) and the client's `Sec-WebSocket-Extensions` values; returns the codec and the value
    of the response's `Sec-WebSocket-Extensions`, or None for none. A bad offer is declined, never an error;
    `tricorn.deflate.negotiate` answers offers of permessage-deflate.
    """

    codec: Callable[[WsSink, Any, Sequence[bytes]], tuple[WsCodec, bytes | None]]


# --- The other kinds ----------------------------------------------------------------------------------------------

Listen = Callable[["socket.socket", Callable[[], "asyncio.Protocol"], int, dict[str, Any]], Awaitable[Any]]
"""How a loop serves the connections of a socket: see `LoopProvider`."""


@dataclass(eq=False, repr=False)
class LoopProvider:
    """An event loop plugin.

    factory: what `asyncio.Runner(loop_factory=...)` takes. listen: how this loop serves best what arrives at a bound
    socket, where `loop.create_server` is not it. It is called in the running loop with the socket, what makes the
    protocol object of a connection, the backlog, and further options of `create_server`, and returns what is like an
    `asyncio.Server`. It raises OSError where the socket cannot listen.
    """

    factory: Callable[[], asyncio.AbstractEventLoop]
    listen: Listen | None = None


class Lifespan(Protocol):
    """One run of the ASGI lifespan protocol, inside the serving loop."""

    state: dict[str, Any]
    should_exit: bool

    async def startup(self) -> None:
        """Run the application's start-up; `should_exit` tells that it failed and was logged."""

    async def shutdown(self) -> None:
        """Run the application's shutdown, once."""


@dataclass(eq=False, repr=False)
class LifespanProvider:
    """A lifespan plugin: `open(config)` gives the `Lifespan` of one server."""

    open: Callable[[Any], Lifespan]


@dataclass(eq=False, repr=False)
class LogProvider:
    """A logging plugin.

    configure: sets up the loggers `tricorn`, `tricorn.error` and `tricorn.access` from the settings.
    access: given the settings, returns a renderer `(client, method, path, version, status) -> str` for one access
    line without its line end, or None to leave access records to `logging` alone.
    """

    configure: Callable[[Any], None]
    access: Callable[[Any], Callable[[str, str, str, str, int], str] | None] | None = None


@dataclass(eq=False, repr=False)
class InterfaceProvider:
    """How an application that is not ASGI 3 becomes one.

    matches: whether an application object is of this kind; asked in the order of the selection, asgi3 last.
    adapt: the ASGI 3 application; websockets, lifespan: whether the adapted application takes those scopes.
    """

    matches: Callable[[Any], bool]
    adapt: Callable[[Any], ASGIApp]
    asgi_version: str = "3.0"
    websockets: bool = True


@dataclass(eq=False, repr=False)
class ListenerProvider:
    """Where connections come from. `open(config)` gives bound sockets; raises OSError where that fails.

    close: called with the config after the sockets are closed (removing a socket file).
    """

    open: Callable[[Any], list[socket.socket]]
    close: Callable[[Any], None] | None = None


@dataclass(eq=False, repr=False)
class SupervisorProvider:
    """What stands around the serving process. `run(server)` returns the exit status of the program.

    server: the `tricorn.Server` to be run, here (`server.run()`) or in processes that the supervisor starts
    (`server.run(sockets)`, with sockets that `server.config.bind_sockets()` gave the parent). Its application has not
    been imported yet.
    """

    run: Callable[[Any], int]


@dataclass(eq=False, repr=False)
class CommandProvider:
    """A further command of the command line: the plugin `x` is run by `tricorn x`.

    make: called once, with the arguments behind the command's name; returns the command that is run with them. Most
    need not look at the arguments; the options of some depend on them.
    """

    make: Callable[[Sequence[str]], click.Command]


Tone = Literal["plain", "good", "note", "bad", "faint"]


class Row(NamedTuple):
    """One row of a `Table`: a text for every column, and how it stands out where there are colours."""

    cells: Sequence[str]
    tone: Tone = "plain"


class Table(NamedTuple):
    """What a command has to show.

    numbers: the columns that are set to the right. grouped: rows with the same first cell belong together.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Row]
    numbers: Sequence[str] = ()
    grouped: bool = False


@dataclass(eq=False, repr=False)
class TerminalProvider:
    """How commands show tables to a person. `show` prints one to standard output, which is a terminal."""

    show: Callable[[Table], None]


class Observer(Protocol):
    """Called on what happens while serving; every method is optional and an absent one costs nothing.

    Methods are collected once, at start-up. They must not block; an exception is logged and the observer dropped.
    """

    def request(self, scope: Scope) -> None:
        """An application call starts."""

    def response(self, scope: Scope, status: int) -> None:
        """The response head has been sent."""

    def finished(self, scope: Scope) -> None:
        """The application call has ended."""


class Option(NamedTuple):
    """One setting, declared once: command-line flag, environment variable, keyword of `Config` and `run()`, and help.

    name: the keyword (`ws_max_size`); the flag is `--ws-max-size`, the variable `TRICORN_WS_MAX_SIZE`.
    help: one sentence; it is shown with the default.
    type: str, int, float, bool, or a sequence of strings to choose from.
    default: the value of the keyword when nothing sets it.
    multiple: the flag may be repeated and the value is a list; the variable is split at white space.
    switch: how a bool is spelled: `"pair"` is `--x/--no-x`, `"single"` is `--x`, `"value"` is `--x true`.
    kind: the kind of plugin that the value picks (`"http"`); the help then lists the installed ones.
    flag: the flag where it is not made from the name. metavar: what stands for the value in the help.
    parse: makes the keyword's value of one text from the command line, the environment or a file.
        Raises ValueError with one line that says what is wrong with it.
    cli: False for a keyword without a flag. keyword: False for what only `run()` and the command line know.
    """

    name: str
    help: str
    type: type | Sequence[str] = str
    default: Any = None
    multiple: bool = False
    switch: Literal["pair", "single", "value"] = "pair"
    kind: str | None = None
    flag: str | None = None
    metavar: str | None = None
    parse: Callable[[str], Any] | None = None
    cli: bool = True
    keyword: bool = True

    @property
    def flags(self) -> str:
        """The flag as it is spelled on the command line, without its negation."""
        return self.flag or "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return "TRICORN_" + self.name.upper()
