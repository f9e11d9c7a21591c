"""What a proxy says about the client it speaks for: X-Forwarded-*, and Forwarded (RFC 7239), of trusted peers only.

Anybody can send these fields, so they count only when the connection comes from a trusted address. Addresses in a list
are walked from the right, which is the side that trusted proxies wrote, to the first that is not trusted itself.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from tricorn.api import PROXY_FIELDS, Headers, Scope

_SCHEMES = ("http", "https", "ws", "wss")
_HOST = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=%-]+(?::[0-9]*)?|\[[0-9A-Fa-f:.]+\](?::[0-9]*)?")
_PREFIX = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)+/?")
_PAIR = re.compile(r'\s*([!#$%&\'*+\-.^_`|~0-9A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([!#$%&\'*+\-.^_`|~0-9A-Za-z]+))\s*')

UNIX = "unix"
"""Stands for whoever may open the server's UNIX socket."""

USUAL_KEEP_ALIVE = 60.0
"""Seconds for which nginx and the load balancers of the clouds keep idle connections to a server."""

logger = logging.getLogger("tricorn.error")


class TrustedPeers:
    """The addresses whose word counts: IP addresses, networks, `unix` for peers without an address, or `*` for all.

    Asking is one look-up for a peer that was asked about before.
    """

    def __init__(self, peers: str | Iterable[str]) -> None:
        names = peers.split(",") if isinstance(peers, str) else peers
        entries = [name.strip() for name in names if name.strip()]
        self.always = "*" in entries
        self._names = set(entries)
        self._known: dict[str | None, bool] = {}

    def __contains__(self, host: str | None) -> bool:
        """Whether a peer is trusted; None is one without an address."""
        if self.always:
            return True
        if host is None:
            return UNIX in self._names
        if not host:
            return False
        known = self._known.get(host)
        if known is None:
            if len(self._known) > 1024:
                self._known.clear()
            known = self._known[host] = host in self._names or self._within(host)
        return known

    @cached_property
    def _networks(self) -> list[Any]:
        return [network for entry in self._names if (network := _network(entry)) is not None]

    def _within(self, host: str) -> bool:
        import ipaddress

        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        # A socket for both families shows clients of the one as addresses of the other.
        mapped = getattr(address, "ipv4_mapped", None)
        return any(address in network or (mapped and mapped in network) for network in self._networks)

    def client(self, hops: list[str]) -> tuple[str, int] | None:
        """The client at the end of a chain of hops: the last that is not trusted, else the first; None for none."""
        chain = [_split_port(hop) for hop in hops]
        if not chain:
            return None
        if not self.always:
            for host, port in reversed(chain):
                if host not in self:
                    return (host, port) if host else None
        host, port = chain[0]
        return (host, port) if host else None


def _network(entry: str) -> Any:
    import ipaddress  # most servers never need it: the default peers are found by their names

    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None


def _split_port(hop: str) -> tuple[str, int]:
    """Host and port of `1.2.3.4`, `1.2.3.4:55`, `[::1]:55` or `::1`; port 0 where none is said."""
    hop = hop.strip()
    if hop.startswith("["):
        host, _, port = hop[1:].partition("]")
        port = port.removeprefix(":")
    elif hop.count(":") == 1:
        host, _, port = hop.partition(":")
    else:
        host, port = hop, ""
    return host, int(port) if port.isascii() and port.isdigit() and int(port) < 65536 else 0


class Proxies:
    """Rewrites the scope of a request by the fields of a trusted proxy; one for a server.

    settings: `forwarded_allow_ips`, `proxy_host`, `proxy_prefix`, `proxy_forwarded`, `timeout_keep_alive`.
    """

    def __init__(self, settings: Any) -> None:
        self.trusted = TrustedPeers(settings.forwarded_allow_ips)
        self.host: bool = settings.proxy_host
        self.prefix: bool = settings.proxy_prefix
        self.forwarded: bool = settings.proxy_forwarded
        self._warned = False
        self._keep_alive: float = settings.timeout_keep_alive

    def apply(self, scope: Scope) -> None:
        """Rewrite client and scheme, and what else the options say, of a request that has some of PROXY_FIELDS."""
        if self._keep_alive < USUAL_KEEP_ALIVE:
            self._hint(scope)
        client = scope["client"]
        if (client[0] if client else None) not in self.trusted:
            self._warn(scope)
            return
        fields: dict[bytes, list[str]] = {}
        for name, value in scope["headers"]:
            if name in PROXY_FIELDS:
                fields.setdefault(name, []).append(value.decode("latin-1").strip())
        host = None
        if self.forwarded:
            host = self._take_forwarded(scope, fields.get(b"forwarded", []))
        else:
            self._take(scope, _list(fields.get(b"x-forwarded-for", [])), fields.get(b"x-forwarded-proto", [""])[-1])
            if self.host:
                host = _last(fields.get(b"x-forwarded-host"))
        if self.host and host:
            self._take_host(scope, host, _last(fields.get(b"x-forwarded-port")))
        if self.prefix and b"x-forwarded-prefix" in fields:
            self._take_prefix(scope, fields[b"x-forwarded-prefix"][-1])

    def _take(self, scope: Scope, hops: list[str], scheme: str) -> None:
        if scheme in _SCHEMES:
            scope["scheme"] = scheme.replace("http", "ws") if scope["type"] == "websocket" else scheme
        client = self.trusted.client(hops)
        if client is not None:
            scope["client"] = client

    def _take_forwarded(self, scope: Scope, values: list[str]) -> str | None:
        """Take what the field says; return the host that the client asked for, if it is said."""
        hops = parse_forwarded(",".join(values))
        if not hops:
            return None
        # The hop that names the client was written by the proxy that the client spoke to: its word about the rest.
        chain = [hop.get("for", "") for hop in hops]
        at = 0 if self.trusted.always else len(hops) - 1
        while at and _split_port(chain[at])[0] in self.trusted:
            at -= 1
        known = not chain[at].startswith("_") and chain[at].lower() != "unknown"
        self._take(scope, [chain[at]] if known else [], hops[at].get("proto", "").lower())
        return hops[at].get("host")

    def _take_host(self, scope: Scope, host: str, port: str | None) -> None:
        if port and port.isascii() and port.isdigit() and ":" not in host.rpartition("]")[2]:
            default = {"http": "80", "ws": "80", "https": "443", "wss": "443"}[scope["scheme"]]
            host = host if port == default else f"{host}:{port}"
        if _HOST.fullmatch(host) is None:
            return
        name, number = _split_port(host)
        server = scope["server"]
        scope["server"] = (name, number or (443 if scope["scheme"] in ("https", "wss") else 80)) if server else server
        scope["headers"] = with_host(scope["headers"], host.encode("latin-1"))

    def _take_prefix(self, scope: Scope, prefix: str) -> None:
        if _PREFIX.fullmatch(prefix) is None:
            return
        prefix = prefix.rstrip("/")
        scope["root_path"] = prefix + scope["root_path"]
        scope["path"] = prefix + scope["path"]
        scope["raw_path"] = prefix.encode("latin-1") + scope["raw_path"]

    def _hint(self, scope: Scope) -> None:
        """Say once that a proxy which reuses its connections keeps them for longer than the server does."""
        closing = scope["http_version"] == "1.0" or any(
            name == b"connection" and b"close" in value.lower() for name, value in scope["headers"]
        )
        if closing or scope["type"] == "websocket":
            return
        logger.info(
            "A proxy is in front, and idle connections are closed after %g seconds, most proxies' after %g: a request "
            "that meets a closing one is answered 502. Set --timeout-keep-alive 75, or --behind-proxy.",
            self._keep_alive,
            USUAL_KEEP_ALIVE,
        )
        self._keep_alive = USUAL_KEEP_ALIVE

    def _warn(self, scope: Scope) -> None:
        """Name the first peer that is not trusted, with the option that would trust it."""
        if self._warned:
            return
        self._warned = True
        name, value = next((name, value) for name, value in scope["headers"] if name in PROXY_FIELDS)
        peer = scope["client"][0] if scope["client"] else None
        advice = f"trust it with --forwarded-allow-ips {peer}" if peer else "trust it with --forwarded-allow-ips '*'"
        text = value.decode("latin-1")[:80]
        logger.warning("%s: %r from %s ignored; %s", name.decode().title(), text, peer or "a UNIX socket", advice)


def parse_forwarded(text: str) -> list[dict[str, str]]:
    """The hops of a Forwarded field, the client's first (RFC 7239 section 4); none when it breaks the grammar."""
    hops: list[dict[str, str]] = [{}]
    position = 0
    while position < len(text):
        match = _PAIR.match(text, position)
        if match is not None:
            value = match[3] if match[2] is None else re.sub(r"\\(.)", r"\1", match[2])
            hops[-1][match[1].lower()] = value
            position = match.end()
        elif text[position] not in ",; \t":
            return []
        if position < len(text) and text[position] in ",; \t":
            if text[position] == ",":
                hops.append({})
            position += 1
    return [hop for hop in hops if hop]


def with_host(headers: Headers, host: bytes) -> Headers:
    """The fields with another Host."""
    return [(name, host if name == b"host" else value) for name, value in headers]


def _list(values: list[str]) -> list[str]:
    return [part for part in (part.strip() for value in values for part in value.split(",")) if part]


def _last(values: list[str] | None) -> str | None:
    """The last of a list of hosts or ports: what the proxy next to us wrote."""
    return values[-1].rpartition(",")[2].strip() if values else None
