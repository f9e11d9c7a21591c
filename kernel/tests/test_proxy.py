"""Proxy headers: whose word counts, and what it changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import httpx
import pytest

from tricorn.middleware.proxy_headers import ProxyHeadersMiddleware
from tricorn.proxy import TrustedPeers, parse_forwarded
from tricorn.testing import serve


async def app(scope: Any, receive: Any, send: Any) -> None:
    host = dict(scope["headers"]).get(b"host", b"").decode()
    seen = [*(scope["client"] or ("none", 0)), scope["scheme"], host, scope["root_path"], scope["path"]]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": "|".join(map(str, seen)).encode()})


async def ask(fields: Iterable[tuple[str, str]], path: str = "/a", **options: Any) -> list[str]:
    """What the application sees of a request with these fields."""
    async with serve(app, **options) as url, httpx.AsyncClient() as client:
        answer = await client.get(url + path, headers=[("Host", "here"), *fields])
        assert answer.status_code == 200
        return answer.text.split("|")


FOR, PROTO, HOST = "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"


@pytest.mark.parametrize("http", ["h11", "httptools"])
async def test_a_proxy_on_this_machine_is_believed(http: str) -> None:
    seen = await ask([(FOR, "1.2.3.4"), (PROTO, "https")], http=http)
    assert seen == ["1.2.3.4", "0", "https", "here", "", "/a"]


@pytest.mark.parametrize(
    ("options", "values", "client"),
    [
        ({}, ["1.2.3.4, 127.0.0.1"], "1.2.3.4"),
        ({}, ["6.6.6.6, 1.2.3.4"], "1.2.3.4"),  # what the client made up stands to the left
        ({}, ["6.6.6.6", "1.2.3.4"], "1.2.3.4"),
        ({"forwarded_allow_ips": "127.0.0.1,10.0.0.0/8"}, ["1.2.3.4, 10.1.1.1, 10.2.2.2"], "1.2.3.4"),
        ({"forwarded_allow_ips": ["127.0.0.1", "fd00::/8"]}, ["::2, fd00::1"], "::2"),
        ({"forwarded_allow_ips": "*"}, ["1.2.3.4, 5.6.7.8"], "1.2.3.4"),
        ({"forwarded_allow_ips": "127.0.0.1,1.2.3.4"}, ["1.2.3.4"], "1.2.3.4"),
        ({}, [""], "127.0.0.1"),
        ({"forwarded_allow_ips": "10.0.0.1"}, ["1.2.3.4"], "127.0.0.1"),
        ({"proxy_headers": False}, ["1.2.3.4"], "127.0.0.1"),
    ],
)
async def test_the_client_is_the_last_hop_that_is_not_trusted(
    options: dict[str, Any], values: list[str], client: str
) -> None:
    assert (await ask([(FOR, value) for value in values], **options))[0] == client


@pytest.mark.parametrize(
    ("value", "client"),
    [
        ("1.2.3.4:55", ["1.2.3.4", "55"]),
        ("[::9]:55", ["::9", "55"]),
        ("::9", ["::9", "0"]),
        ("1.2.3.4:x", ["1.2.3.4", "0"]),
        ("1.2.3.4:99999", ["1.2.3.4", "0"]),
    ],
)
async def test_a_hop_may_have_a_port(value: str, client: list[str]) -> None:
    assert (await ask([(FOR, value)]))[:2] == client


@pytest.mark.parametrize(
    ("values", "scheme"),
    [(["https"], "https"), (["http", "https"], "https"), (["wss"], "wss"), (["gopher"], "http"), ([""], "http")],
)
async def test_the_last_known_scheme_counts(values: list[str], scheme: str) -> None:
    assert (await ask([(PROTO, value) for value in values]))[2] == scheme


async def test_a_connection_shared_by_clients_shows_each_of_them() -> None:
    async with serve(app) as url, httpx.AsyncClient() as client:
        seen = [
            (await client.get(url, headers={FOR: name} if name else {})).text.split("|")[0]
            for name in ("1.1.1.1", "", "2.2.2.2")
        ]
    assert seen == ["1.1.1.1", "127.0.0.1", "2.2.2.2"]


async def test_the_access_log_names_the_client_that_the_proxy_spoke_for(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tricorn.access")
    await ask([(FOR, "1.2.3.4")])
    assert [record.args for record in caplog.records if record.name == "tricorn.access"] == [
        ("1.2.3.4:0", "GET", "/a", "1.1", 200)
    ]


async def test_what_a_proxy_says_of_a_client_cannot_forge_a_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tricorn.access")
    async with serve(app, forwarded_allow_ips="*") as url, httpx.AsyncClient() as client:
        await client.get(url, headers={FOR: b'x" 200\x85y'})
    assert [record.getMessage() for record in caplog.records if record.name == "tricorn.access"] == [
        'x%22 200%C2%85y:0 - "GET / HTTP/1.1" 200'
    ]


async def test_a_peer_that_is_not_trusted_is_named_once_with_the_option(caplog: pytest.LogCaptureFixture) -> None:
    async with serve(app, forwarded_allow_ips="10.0.0.1") as url, httpx.AsyncClient() as client:
        for _ in range(2):
            await client.get(url, headers={PROTO: "https"})
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "X-Forwarded-Proto: 'https' from 127.0.0.1 ignored; trust it with --forwarded-allow-ips 127.0.0.1"
    ]


async def test_the_host_counts_only_when_asked_for() -> None:
    fields = [(HOST, "shop.example"), ("X-Forwarded-Port", "8443"), (PROTO, "https")]
    assert (await ask(fields))[3] == "here"
    assert (await ask(fields, proxy_host=True))[3] == "shop.example:8443"
    assert (await ask([*fields[:1], ("X-Forwarded-Port", "443"), (PROTO, "https")], proxy_host=True))[
        3
    ] == "shop.example"


@pytest.mark.parametrize("value", ["a b", "a/b", "a@b", "[", ""])
async def test_a_host_that_is_none_is_ignored(value: str) -> None:
    assert (await ask([(HOST, value)], proxy_host=True))[3] == "here"


async def test_the_prefix_is_put_before_the_path_only_when_asked_for() -> None:
    fields = [("X-Forwarded-Prefix", "/shop/")]
    assert (await ask(fields))[4:] == ["", "/a"]
    assert (await ask(fields, proxy_prefix=True))[4:] == ["/shop", "/shop/a"]
    assert (await ask([("X-Forwarded-Prefix", "//evil")], proxy_prefix=True))[4:] == ["", "/a"]


async def test_forwarded_replaces_the_older_fields_only_when_asked_for() -> None:
    fields = [("Forwarded", 'for="[::9]:55";proto=https;host=shop.example, for=127.0.0.1'), (FOR, "6.6.6.6")]
    assert (await ask(fields))[0] == "6.6.6.6"
    assert (await ask(fields, proxy_forwarded=True))[:4] == ["::9", "55", "https", "here"]
    assert (await ask(fields, proxy_forwarded=True, proxy_host=True))[3] == "shop.example"


@pytest.mark.parametrize("value", ["for=unknown;proto=https", "for=_hidden;proto=https"])
async def test_a_hop_without_an_address_leaves_the_client(value: str) -> None:
    assert (await ask([("Forwarded", value)], proxy_forwarded=True))[:3] == ["127.0.0.1", seen_port(), "https"]


class seen_port:  # noqa: N801 - equal to whatever port the client had
    def __eq__(self, other: object) -> bool:
        return str(other).isdigit()

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("text", "hops"),
    [
        ("for=1.2.3.4", [{"for": "1.2.3.4"}]),
        ('For="a\\"b";PROTO=http , by=x', [{"for": 'a"b', "proto": "http"}, {"by": "x"}]),
        ("for=1.2.3.4;host=[", []),
        ('for="open', []),
        ("", []),
    ],
)
def test_forwarded_is_read_by_its_grammar(text: str, hops: list[dict[str, str]]) -> None:
    assert parse_forwarded(text) == hops


def test_trusted_peers_are_addresses_networks_names_or_all() -> None:
    peers = TrustedPeers("10.0.0.1/8, ::1 ,gateway")
    assert all(host in peers for host in ("10.1.2.3", "::1", "gateway", "::ffff:10.1.2.3"))
    assert not any(host in peers for host in ("11.0.0.1", "", None, "10.0.0.0/8x"))
    assert None in TrustedPeers("*")


async def test_the_middleware_does_the_same_for_programs_that_wrap_their_application() -> None:
    async with (
        serve(ProxyHeadersMiddleware(app, trusted_hosts="127.0.0.1"), proxy_headers=False) as url,
        httpx.AsyncClient() as client,
    ):
        answer = await client.get(url, headers={FOR: "1.2.3.4", PROTO: "https"})
    assert answer.text.split("|")[:3] == ["1.2.3.4", "0", "https"]
