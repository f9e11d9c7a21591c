"""Field blocks: HPACK as in RFC 7541, requests as in RFC 9113 section 8, refusals as in every version of HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from hpack import Encoder
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hyperframe.frame import DataFrame, GoAwayFrame, RstStreamFrame

from plugins.http_h2.tests.peer import connected, get, raw
from tricorn.api import Receive, Scope, Send

PROTOCOL_ERROR, COMPRESSION_ERROR = 1, 9
HEADERS, END_HEADERS_AND_STREAM = 1, 5

Fields = list[tuple[bytes, bytes]]


class Scopes:
    """An application that keeps its scopes and answers 200."""

    def __init__(self) -> None:
        self.made: list[Scope] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.made.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})


def without(*names: bytes) -> Fields:
    return [field for field in get() if field[0] not in names]


# --- HPACK ----------------------------------------------------------------------------------------------------------

REST = b"\x82\x86\x41\x04test"
"""GET, http, and the authority `test` as a literal that is indexed."""


@pytest.mark.parametrize(
    "field",
    {
        "6.1_indexed": b"\x84",
        "6.2.1_indexed_name_and_indexing": b"\x44\x02/x",
        "6.2.1_new_name_and_indexing": b"\x84\x40\x01x\x01y",
        "6.2.2_indexed_name_without_indexing": b"\x04\x02/x",
        "6.2.2_new_name_without_indexing": b"\x84\x00\x01x\x01y",
        "6.2.3_indexed_name_never_indexed": b"\x14\x02/x",
        "6.2.3_new_name_never_indexed": b"\x84\x10\x01x\x01y",
        "6.2.1_huffman": b"\x44\x82" + HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH).encode(b"/x"),
    }.items(),
    ids=lambda case: case[0],
)
async def test_every_representation_is_read(field: tuple[str, bytes]) -> None:
    async with connected() as peer:
        for stream in (1, 3, 5):
            peer.send(raw(HEADERS, END_HEADERS_AND_STREAM, stream, REST + field[1]))
            assert await peer.status(stream) == 200
            await peer.until(lambda: peer.ended(stream))  # noqa: B023
            assert peer.body(stream) == (b"/" if b"\x84" in field[1][:1] else b"/x")


@pytest.mark.parametrize("update", [b"\x20", b"\x3f\xe1\x1f", b"\x20\x3f\x09"])
async def test_the_table_may_change_its_size_in_front_of_a_block(update: bytes) -> None:
    async with connected() as peer:
        for stream, block in ((1, REST + b"\x84"), (3, update + REST + b"\x84"), (5, REST + b"\x84")):
            peer.send(raw(HEADERS, END_HEADERS_AND_STREAM, stream, block))
            assert await peer.status(stream) == 200


@pytest.mark.parametrize(
    "block",
    {
        "2.3.3_index_beyond_the_tables": b"\xff\x80\x01",
        "2.3.3_name_beyond_the_tables": b"\x7f\x80\x01\x01x",
        "6.1_index_0": b"\x80",
        "4.2_update_at_the_end": REST + b"\x84\x20",
        "6.3_update_beyond_the_setting": b"\x3f\xe2\x1f" + REST + b"\x84",
        "5.2_padding_of_a_whole_byte": REST + b"\x84\x00\x85\xf2\xb2\x4a\x84\xff\x84\x49\x50\x9f\xff",
        "5.2_padding_of_zeros": REST + b"\x84\x00\x85\xf2\xb2\x4a\x84\xff\x83\x49\x50\x90",
        "5.2_end_of_string_inside": REST + b"\x84\x00\x85\xf2\xb2\x4a\x84\xff\x87\x49\x51\xff\xff\xff\xfa\x7f",
        "5.1_number_that_does_not_end": REST + b"\x84\x00\x7f\xff\xff\xff",
        "5.2_string_that_does_not_end": REST + b"\x84\x00\x05x",
    }.items(),
    ids=lambda case: case[0],
)
async def test_a_block_that_cannot_be_read_ends_the_connection(block: tuple[str, bytes]) -> None:
    async with connected() as peer:
        peer.send(raw(HEADERS, END_HEADERS_AND_STREAM, 1, block[1]))
        await peer.goaway(COMPRESSION_ERROR)


async def test_a_block_means_what_the_table_says_at_its_time() -> None:
    """Blocks are remembered by their bytes; the same bytes mean something else once the table has changed."""
    scopes = Scopes()
    async with connected(scopes) as peer:
        for stream, field in ((1, b"\x40\x01x\x01a"), (7, b"\x40\x01x\x01b")):
            peer.send(raw(HEADERS, END_HEADERS_AND_STREAM, stream, b"\x82\x86\x84\x01\x04test" + field))
            for later in (stream + 2, stream + 4):
                peer.send(raw(HEADERS, END_HEADERS_AND_STREAM, later, b"\x82\x86\x84\x01\x04test\xbe"))
                assert await peer.status(later) == 200
        assert [dict(scope["headers"])[b"x"] for scope in scopes.made] == [b"a", b"a", b"a", b"b", b"b", b"b"]
        scopes.made[0]["headers"].append((b"changed", b"by the application"))
        peer.send(raw(HEADERS, END_HEADERS_AND_STREAM, 13, b"\x82\x86\x84\x01\x04test\xbe"))
        assert await peer.status(13) == 200
        assert scopes.made[-1]["headers"] == [(b"host", b"test"), (b"x", b"b")]


async def test_blocks_of_trailers_and_of_dropped_streams_change_the_table_too() -> None:
    scopes = Scopes()
    async with connected(scopes) as peer:
        encoder = Encoder()

        def block(fields: Fields) -> bytes:
            return encoder.encode(fields)

        peer.send(raw(HEADERS, 4, 1, block(get())), raw(HEADERS, 5, 1, block([(b"x-trailer", b"1")])))
        peer.send(raw(HEADERS, 5, 3, block([*get(), (b"x", b"\0")])), raw(HEADERS, 5, 3, block([(b"y", b"2")])))
        peer.send(raw(HEADERS, 5, 5, block([*get(), (b"x-trailer", b"1"), (b"y", b"2")])))
        assert await peer.status(5) == 200
        assert scopes.made[-1]["headers"][1:] == [(b"x-trailer", b"1"), (b"y", b"2")]


# --- malformed ------------------------------------------------------------------------------------------------------

MALFORMED: dict[str, Fields] = {
    "8.2.1_upper_case_name": [*get(), (b"X", b"y")],
    "8.2.1_empty_name": [*get(), (b"", b"y")],
    "8.2.1_space_in_a_name": [*get(), (b"x y", b"z")],
    "8.2.1_colon_in_a_name": [*get(), (b"x:", b"z")],
    "8.2.1_control_character_in_a_name": [*get(), (b"x\n", b"z")],
    "8.2.1_obs_text_in_a_name": [*get(), (b"\xe9", b"z")],
    "8.2.1_nul_in_a_value": [*get(), (b"x", b"a\0b")],
    "8.2.1_lf_in_a_value": [*get(), (b"x", b"a\nb")],
    "8.2.1_cr_in_a_value": [*get(), (b"x", b"a\rb")],
    "8.2.1_space_before_a_value": [*get(), (b"x", b" y")],
    "8.2.1_tab_behind_a_value": [*get(), (b"x", b"y\t")],
    "8.2.1_space_before_a_length": [*get(), (b"content-length", b" 0")],
    "8.2.1_lf_in_a_path": [*without(b":path"), (b":path", b"/a\nb")],
    "8.2.2_connection": [*get(), (b"connection", b"keep-alive")],
    "8.2.2_keep_alive": [*get(), (b"keep-alive", b"timeout=5")],
    "8.2.2_proxy_connection": [*get(), (b"proxy-connection", b"close")],
    "8.2.2_transfer_encoding": [*get(), (b"transfer-encoding", b"chunked")],
    "8.2.2_upgrade": [*get(), (b"upgrade", b"websocket")],
    "8.2.2_te_other_than_trailers": [*get(), (b"te", b"trailers, deflate")],
    "8.3_unknown_pseudo_field": [*get(), (b":test", b"x")],
    "8.3_pseudo_field_of_responses": [*get(), (b":status", b"200")],
    "8.3_pseudo_field_behind_a_field": [*without(b":path"), (b"x", b"y"), (b":path", b"/")],
    "8.3.1_empty_path": [*without(b":path"), (b":path", b"")],
    "8.3.1_no_method": without(b":method"),
    "8.3.1_no_scheme": without(b":scheme"),
    "8.3.1_no_path": without(b":path"),
    "8.3.1_two_methods": [(b":method", b"GET"), *get()],
    "8.3.1_two_schemes": [(b":scheme", b"http"), *get()],
    "8.3.1_two_paths": [(b":path", b"/"), *get()],
    "8.3.1_two_authorities": [(b":authority", b"test"), *get()],
    "8.3.1_another_host": [*get(), (b"host", b"other")],
    "8.3.1_two_hosts": [*without(b":authority"), (b"host", b"test"), (b"host", b"other")],
    "8.3.1_absolute_path": [*without(b":path"), (b":path", b"http://test/")],
    "8.3.1_asterisk_without_options": [*without(b":path"), (b":path", b"*")],
    "8.5_connect_with_a_path": [(b":method", b"CONNECT"), *without(b":method")],
    "8.5_connect_without_authority": [(b":method", b"CONNECT")],
    "8441.4_protocol_without_connect": [(b":protocol", b"websocket"), *get()],
    "8.1.1_length_is_no_number": [*get(), (b"content-length", b"five")],
    "8.1.1_length_with_a_sign": [*get(), (b"content-length", b"+0")],
    "8.1.1_length_too_big": [*get(), (b"content-length", b"9" * 20)],
    "8.1.1_two_lengths": [*get(), (b"content-length", b"0"), (b"content-length", b"0")],
    "8.1.1_length_without_a_body": [*get(), (b"content-length", b"1")],
}


@pytest.mark.parametrize("case", MALFORMED)
async def test_a_malformed_request_ends_its_stream_and_reaches_no_application(case: str) -> None:
    scopes = Scopes()
    async with connected(scopes) as peer:
        peer.send(peer.request(1, MALFORMED[case]))
        assert (await peer.next(RstStreamFrame, 1)).error_code == PROTOCOL_ERROR
        peer.send(peer.request(3, get(b"/next")))
        assert await peer.status(3) == 200
        assert [scope["path"] for scope in scopes.made] == ["/next"]


@pytest.mark.parametrize(
    "frames",
    {
        "more_in_one_frame": [DataFrame(1, b"hello!", flags=["END_STREAM"])],
        "more_in_two_frames": [DataFrame(1, b"hel"), DataFrame(1, b"lo!", flags=["END_STREAM"])],
        "less_in_one_frame": [DataFrame(1, b"hell", flags=["END_STREAM"])],
        "less_in_two_frames": [DataFrame(1, b"hel"), DataFrame(1, b"", flags=["END_STREAM"])],
    }.items(),
    ids=lambda case: case[0],
)
async def test_a_body_of_another_length_ends_its_stream(frames: tuple[str, list[DataFrame]]) -> None:
    heard = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            event = await receive()
            heard.append(event)
            if event["type"] == "http.disconnect":
                return

    async with connected(app) as peer:
        peer.send(peer.request(1, [*get(method=b"POST"), (b"content-length", b"5")], end=False))
        await peer.server.settle()
        peer.send(*frames[1])
        assert (await peer.next(RstStreamFrame, 1)).error_code == PROTOCOL_ERROR
        await peer.server.settle()
        assert heard[-1]["type"] == "http.disconnect"
        assert all(event["more_body"] for event in heard[:-1])


async def test_trailers_do_not_replace_the_rest_of_a_body() -> None:
    async with connected() as peer:
        peer.send(peer.request(1, [*get(method=b"POST"), (b"content-length", b"5")], end=False))
        peer.send(DataFrame(1, b"hel"), peer.request(1, [(b"x", b"y")]))
        assert (await peer.next(RstStreamFrame, 1)).error_code == PROTOCOL_ERROR


# --- refused --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        pytest.param(400, without(b":authority"), id="no_authority"),
        pytest.param(400, [*without(b":authority"), (b":authority", b"user@test")], id="userinfo"),
        pytest.param(400, [*without(b":authority"), (b":authority", b"test:99999")], id="bad_port"),
        pytest.param(400, [*without(b":authority"), (b"host", b"a b")], id="bad_host"),
        pytest.param(400, [*without(b":path"), (b":path", b"/a#b")], id="fragment"),
        pytest.param(400, [*without(b":path"), (b":path", b"/\xe9")], id="path_outside_ascii"),
        pytest.param(400, [*without(b":method"), (b":method", b"GE T")], id="method_is_no_token"),
        pytest.param(400, [*without(b":scheme"), (b":scheme", b"ftp")], id="another_scheme"),
        pytest.param(501, [(b":method", b"CONNECT"), (b":authority", b"test:443")], id="connect"),
        pytest.param(417, [*get(), (b"expect", b"tea")], id="unknown_expectation"),
        pytest.param(431, [*get(), *[(b"x", b"\xff" * 3300)] * 20], id="too_large"),
        pytest.param(431, [*get(), *[(b"x%d" % number, b"") for number in range(300)]], id="too_many_fields"),
        pytest.param(
            501, [(b":method", b"CONNECT"), (b":protocol", b"echo"), *without(b":method")], id="unknown_protocol"
        ),
        pytest.param(
            501, [(b":method", b"CONNECT"), (b":protocol", b"websocket"), *without(b":method")], id="no_websockets"
        ),
    ],
)
async def test_a_refusal_is_an_ordinary_response(status: int, fields: Fields) -> None:
    scopes = Scopes()
    async with connected(scopes) as peer:
        for stream in (1, 3):
            block = peer.block(fields)
            peer.send(raw(HEADERS, 1, stream, block[:16384]))
            for start in range(16384, len(block), 16384):
                peer.send(raw(9, 0, stream, block[start : start + 16384]))
            peer.send(raw(9, 4, stream))
            assert await peer.status(stream) == status
            await peer.until(lambda: peer.ended(stream))  # noqa: B023
            fields_of_answer = dict(peer.fields[stream][0])
            assert {b"date", b"server", b"content-type", b"content-length"} <= fields_of_answer.keys()
            assert b"connection" not in fields_of_answer
            assert len(peer.body(stream)) == int(fields_of_answer[b"content-length"])
        assert not scopes.made
        assert not peer.of(GoAwayFrame)


# --- what the application sees --------------------------------------------------------------------------------------


async def scope_of(fields: Fields, **options: Any) -> Scope:
    scopes = Scopes()
    async with connected(scopes, **options) as peer:
        peer.send(peer.request(1, fields))
        assert await peer.status(1) == 200
    return scopes.made[0]


async def test_the_authority_is_the_first_field_as_host() -> None:
    scope = await scope_of([*get(), (b"a", b"1"), (b"host", b"test"), (b"b", b"2")])
    assert scope["headers"] == [(b"host", b"test"), (b"a", b"1"), (b"b", b"2")]


async def test_host_may_stand_for_the_authority() -> None:
    scope = await scope_of([*without(b":authority"), (b"a", b"1"), (b"host", b"test")])
    assert scope["headers"] == [(b"host", b"test"), (b"a", b"1")]


async def test_cookies_that_were_split_up_are_one_field() -> None:
    scope = await scope_of([*get(), (b"cookie", b"a=1"), (b"x", b"y"), (b"cookie", b"b=2"), (b"cookie", b"c=3")])
    assert scope["headers"] == [(b"host", b"test"), (b"cookie", b"a=1; b=2; c=3"), (b"x", b"y")]


async def test_te_trailers_and_obs_text_pass() -> None:
    scope = await scope_of([*get(), (b"te", b"trailers"), (b"x", b"\xe9 a\tb"), (b"y", b"")])
    assert scope["headers"][1:] == [(b"te", b"trailers"), (b"x", b"\xe9 a\tb"), (b"y", b"")]


async def test_options_may_ask_about_the_server() -> None:
    scope = await scope_of(
        [(b":method", b"OPTIONS"), (b":scheme", b"http"), (b":authority", b"test"), (b":path", b"*")]
    )
    assert (scope["method"], scope["path"], scope["raw_path"]) == ("OPTIONS", "*", b"*")


async def test_a_response_is_announced_by_its_status_alone() -> None:
    async with connected() as peer:
        for stream in (1, 3):
            peer.send(peer.request(stream))
            await peer.status(stream)
            fields = peer.fields[stream][0]
            assert fields[0] == (b":status", b"200")
            assert [name for name, _ in fields] == [b":status", b"date", b"server", b"content-type", b"content-length"]


async def test_a_client_may_have_no_dynamic_table() -> None:
    """The first block says that none is used, so the decoder accepts the smaller limit whenever it comes."""
    async with connected() as peer:
        peer.decoder.max_allowed_table_size = 0
        for stream in (1, 3):
            peer.send(peer.request(stream))
            assert await peer.status(stream) == 200
        assert not peer.decoder.header_table.dynamic_entries
