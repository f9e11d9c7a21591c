"""Request targets and Host."""

from __future__ import annotations

import pytest

from tricorn.api import Refusal
from tricorn.target import check_host, known_hosts, known_targets, split_target


@pytest.mark.parametrize(
    ("sent", "path", "raw", "query"),
    [
        (b"/", "/", b"/", b""),
        (b"/a/b?c=d", "/a/b", b"/a/b", b"c=d"),
        (b"/a%20b", "/a b", b"/a%20b", b""),
        (b"/%C3%A9", "/\u00e9", b"/%C3%A9", b""),
        (b"/%ff%C3", "/\ufffd\ufffd", b"/%ff%C3", b""),
        (b"/%2541", "/%41", b"/%2541", b""),
        (b"/%", "/%", b"/%", b""),
        (b"/%4", "/%4", b"/%4", b""),
        (b"/?", "/", b"/", b""),
        (b"/?a?b", "/", b"/", b"a?b"),
        (b"//host/../x", "//host/../x", b"//host/../x", b""),
    ],
)
def test_origin_form(sent: bytes, path: str, raw: bytes, query: bytes) -> None:
    assert split_target("GET", sent) == (path, raw, query, None)


@pytest.mark.parametrize(
    ("sent", "raw", "query", "authority"),
    [
        (b"http://a", b"/", b"", b"a"),
        (b"http://a/", b"/", b"", b"a"),
        (b"HTTP://A:80/b?c", b"/b", b"c", b"A:80"),
        (b"https://[::1]:8000?c", b"/", b"c", b"[::1]:8000"),
        (b"http://a//b", b"//b", b"", b"a"),
        (b"http://a?b/c", b"/", b"b/c", b"a"),
    ],
)
def test_absolute_form(sent: bytes, raw: bytes, query: bytes, authority: bytes) -> None:
    assert split_target("GET", sent) == (raw.decode(), raw, query, authority)


def test_asterisk_form_is_for_options() -> None:
    assert split_target("OPTIONS", b"*") == ("*", b"*", b"", None)
    with pytest.raises(Refusal):
        split_target("GET", b"*")


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"a",
        b"a/b",
        b"?a",
        b"/#",
        b"/a b",
        b"/\x00",
        b"/\x7f",
        b"/\xe9",
        b"http:",
        b"http://",
        b"http:///a",
        b"ws://a/",
    ],
)
def test_other_targets_are_refused(sent: bytes) -> None:
    for method in ("GET", "OPTIONS"):
        with pytest.raises(Refusal) as raised:
            split_target(method, sent)
        assert raised.value.status == 400


def test_a_target_is_judged_by_its_method_however_often_it_was_seen() -> None:
    for _ in range(2):
        assert split_target("OPTIONS", b"*")[0] == "*"
        with pytest.raises(Refusal):
            split_target("GET", b"*")


@pytest.mark.parametrize(
    "host",
    [
        b"a",
        b"a:80",
        b"a:",
        b"",
        b"127.0.0.1:8000",
        b"[::1]",
        b"[::ffff:127.0.0.1]:1",
        b"[v1.a:b]",
        b"%41",
        b"a_b",
        b"a:65535",
    ],
)
def test_hosts(host: bytes) -> None:
    check_host(host)
    check_host(host)


@pytest.mark.parametrize(
    "host",
    [b"a,b", b"a b", b"a@b", b"a/b", b"a?b", b"a#b", b"a:b", b"a:65536", b"a:1:2", b"[::1", b"::1", b"[]", b"[:]",
     b"[1.2.3.4]", b"[::1%25eth0]", b"[fe80::1]a", b"%4", b"%zz", b"a\\b", b"\xe9", b"a" * 513, b"a:123456",
     b"a: 80", b"a:+80"],
)  # fmt: skip
def test_bad_hosts(host: bytes) -> None:
    with pytest.raises(Refusal):
        check_host(host)
    assert host not in known_hosts


def test_what_is_remembered_is_bounded() -> None:
    for number in range(3000):
        check_host(b"host-%d" % number)
        split_target("GET", b"/%d" % number)
    assert len(known_hosts) <= 1024
    assert len(known_targets) <= 1024
    before = len(known_targets)
    split_target("GET", b"/" + b"x" * 10_000)
    assert len(known_targets) == before
