"""Response fields: what reaches the wire, what never does, and what is remembered of it."""

from __future__ import annotations

from typing import Any

import pytest

from tricorn.fields import CLOSE, DATE, FRAMED, SERVER, FieldTable


@pytest.fixture
def table() -> FieldTable[bytes]:
    return FieldTable(lambda name, value: b"%b: %b\r\n" % (name, value))


def test_renders_in_order_with_names_in_lower_case(table: FieldTable[bytes]) -> None:
    fields = [(b"B", b"1"), (b"a", b"2"), (b"b", b"3")]
    for _ in range(2):
        assert table.render(fields) == ([b"b: 1\r\n", b"a: 2\r\n", b"b: 3\r\n"], None, 0)


def test_the_list_is_the_callers(table: FieldTable[bytes]) -> None:
    table.render([(b"a", b"1")])[0].append(b"more")
    assert table.render([(b"a", b"1")])[0] == [b"a: 1\r\n"]


@pytest.mark.parametrize("name", [b"content-length", b"Content-Length", b"CONTENT-LENGTH"])
def test_a_length_is_read_and_marks_the_framing(table: FieldTable[bytes], name: bytes) -> None:
    for _ in range(2):
        fields, length, flags = table.render([(b"a", b"1"), (name, b"0042")])
        assert (fields, length, flags) == ([b"a: 1\r\n", b"content-length: 42\r\n"], 42, FRAMED)


@pytest.mark.parametrize(
    "value", [b"", b"-1", b"+1", b" 1", b"1 ", b"1,1", b"0x1", b"1_0", b"\xb2", b"9223372036854775808", b"1" * 20]
)
def test_bad_lengths_raise_each_time(table: FieldTable[bytes], value: bytes) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="Invalid content-length"):
            table.render([(b"content-length", value)])


def test_two_lengths_raise(table: FieldTable[bytes]) -> None:
    table.render([(b"content-length", b"5")])
    for second in (b"5", b"6"):
        with pytest.raises(ValueError, match="Duplicate"):
            table.render([(b"content-length", b"5"), (b"Content-Length", second)])


@pytest.mark.parametrize("value", [b"\r", b"\n", b"\0", b"a\r\nb: c", b"\x1b", b"\x7f", b"\x0b", b"\x1f"])
def test_control_characters_raise_each_time(table: FieldTable[bytes], value: bytes) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="value"):
            table.render([(b"a", value)])


@pytest.mark.parametrize(
    "name", [b"", b" ", b"a b", b"a:", b":a", b"a\r", b"a\n", b"\0", b"\xe9", b"a(", b'"a"', b"a/"]
)
def test_names_that_are_no_tokens_raise_each_time(table: FieldTable[bytes], name: bytes) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="name"):
            table.render([(name, b"b")])


@pytest.mark.parametrize("field", [("a", b"b"), (b"a", "b"), (b"a", 1), (None, b"b"), ("content-length", b"1")])
def test_what_is_not_bytes_raises_each_time(table: FieldTable[bytes], field: Any) -> None:
    for _ in range(2):
        with pytest.raises(TypeError):
            table.render([field])


@pytest.mark.parametrize(
    "headers",
    [
        ((b"a", b"b"),),
        iter([(b"a", b"b")]),
        [[b"a", b"b"]],
        [(bytearray(b"a"), memoryview(b"b"))],
        {b"a": b"b"}.items(),
    ],
)
def test_other_collections_and_buffers_are_taken(table: FieldTable[bytes], headers: Any) -> None:
    assert table.render(headers)[0] == [b"a: b\r\n"]


@pytest.mark.parametrize(
    ("fields", "flags"),
    [
        ([(b"Date", b"x")], DATE),
        ([(b"server", b"x")], SERVER),
        ([(b"date", b"x"), (b"SERVER", b"y")], DATE | SERVER),
        ([(b"connection", b"close")], CLOSE),
        ([(b"Connection", b"x , CLOSE")], CLOSE),
        ([(b"connection", b"keep-alive")], 0),
        ([(b"connection", b"closed")], 0),
    ],
)
def test_flags(table: FieldTable[bytes], fields: list[tuple[bytes, bytes]], flags: int) -> None:
    for _ in range(2):
        assert table.render(fields)[2] == flags


@pytest.mark.parametrize("name", [b"Transfer-Encoding", b"connection", b"Keep-Alive", b"upgrade", b"Proxy-Connection"])
def test_fields_of_the_connection_are_dropped(table: FieldTable[bytes], name: bytes) -> None:
    for _ in range(2):
        assert table.render([(name, b"x")])[0] == []


def test_a_head_that_comes_again_is_rendered_the_same(table: FieldTable[bytes]) -> None:
    fields = [(b"A", b"1"), (b"Content-Length", b"3"), (b"a", b"2")]
    first = table.render(fields)
    assert first == ([b"a: 1\r\n", b"content-length: 3\r\n", b"a: 2\r\n"], 3, FRAMED)
    for headers in (fields, tuple(fields), [list(field) for field in fields], fields):
        again = table.render(headers)
        assert again == first
        again[0].append(b"more")
    assert table.render(fields[:2])[0] == first[0][:2]


def test_the_bytes_of_a_remembered_head_are_its_own(table: FieldTable[bytes]) -> None:
    value = bytearray(b"old")
    headers: Any = [(b"a", memoryview(value).toreadonly())]
    for _ in range(3):
        assert table.render(headers)[0] == [b"a: old\r\n"]
    value[:] = b"new"
    for _ in range(3):
        assert table.render([(b"a", b"new")])[0] == [b"a: new\r\n"]
        assert table.render([(b"a", b"old")])[0] == [b"a: old\r\n"]


def test_what_is_remembered_is_bounded(table: FieldTable[bytes]) -> None:
    for number in range(3000):
        table.render([(b"etag", b"%d" % number), (b"content-length", b"%d" % number)])
        table.length(number)
    for number in range(3000):
        for _ in range(3):
            table.render([(b"etag", b"%d" % number), (b"content-length", b"%d" % number)])
    assert len(table._known) <= 1024
    assert len(table._lengths) <= 1024
    assert len(table._heads) <= 256
    before = len(table._known)
    table.render([(b"cookie", b"x" * 5000)])
    assert len(table._known) == before
