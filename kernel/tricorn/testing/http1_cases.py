"""Requests on the border of HTTP/1: those that must be refused, with the status, and those that only look odd.

Where RFC 9112 leaves a choice, the reading is the one that no other server can misread: refuse.
"""

from __future__ import annotations

from typing import Any

__all__ = ["BAD_REQUESTS", "ODD_REQUESTS"]


def _head(*lines: bytes, host: bool = True) -> bytes:
    """A request head: its first line, a Host unless there is one to be tested, and further lines."""
    first, *rest = lines
    return b"\r\n".join([first, *([b"Host: test"] if host else []), *rest, b"", b""])


def _get(*lines: bytes) -> bytes:
    return _head(b"GET / HTTP/1.1", *lines)


def _target(target: bytes, method: bytes = b"GET") -> bytes:
    return _head(method + b" " + target + b" HTTP/1.1")


def _host(value: bytes) -> bytes:
    return _head(b"GET / HTTP/1.1", b"Host: " + value, host=False)


def _post(*lines: bytes, body: bytes = b"") -> bytes:
    return _head(b"POST / HTTP/1.1", *lines) + body


_CHUNK = b"5\r\nhello\r\n0\r\n\r\n"

_LINES: dict[str, tuple[bytes, int]] = {
    "lf_after_request_line": (b"GET / HTTP/1.1\nHost: test\r\n\r\n", 400),
    "lf_only": (b"GET / HTTP/1.1\nHost: test\n\n", 400),
    "lf_after_field": (b"GET / HTTP/1.1\r\nHost: test\nX: y\r\n\r\n", 400),
    "lf_ends_head": (b"GET / HTTP/1.1\r\nHost: test\r\n\n", 400),
    "lf_before_request_line": (b"\n" + _get(), 400),
    "cr_in_value": (_get(b"X: a\rb"), 400),
    "cr_before_crlf": (_get(b"X: a\r"), 400),
    "cr_in_target": (_target(b"/a\rb"), 400),
    "nul_in_value": (_get(b"X: a\0b"), 400),
    "nul_in_name": (_get(b"X\0: a"), 400),
    "nul_in_target": (_target(b"/\0"), 400),
    "escape_in_value": (_get(b"X: \x1b[31m"), 400),
    "vertical_tab_in_value": (_get(b"X: a\x0bb"), 400),
    "delete_in_value": (_get(b"X: a\x7fb"), 400),
    "delete_in_target": (_target(b"/\x7f"), 400),
    "two_empty_lines_before": (b"\r\n\r\n" + _get(), 400),
    "space_before_method": (b" " + _get(), 400),
    "two_spaces_before_target": (_head(b"GET  / HTTP/1.1"), 400),
    "two_spaces_before_version": (_head(b"GET /  HTTP/1.1"), 400),
    "tab_in_request_line": (_head(b"GET\t/ HTTP/1.1"), 400),
    "space_after_version": (_head(b"GET / HTTP/1.1 "), 400),
    "no_target": (_head(b"GET HTTP/1.1"), 400),
    "no_version": (_head(b"GET /"), 400),
    "simple_request": (b"GET /\r\n\r\n", 400),
    "lower_case_version": (_head(b"GET / http/1.1"), 400),
    "another_protocol": (_head(b"GET / HTTQ/1.1"), 400),
    "two_digit_minor": (_head(b"GET / HTTP/1.10"), 400),
    "two_digit_major": (_head(b"GET / HTTP/11.1"), 400),
    "no_dot_in_version": (_head(b"GET / HTTP/11"), 400),
    "no_minor": (_head(b"GET / HTTP/1."), 400),
    "no_number": (_head(b"GET / HTTP/"), 400),
    "version_2": (_head(b"GET / HTTP/2.0"), 505),
    "version_0_9": (_head(b"GET / HTTP/0.9"), 505),
    "version_9": (_head(b"GET / HTTP/9.1"), 505),
    "empty_method": (b" / HTTP/1.1\r\nHost: test\r\n\r\n", 400),
    "method_with_parenthesis": (_head(b"G(T / HTTP/1.1"), 400),
    "method_with_at": (_head(b"G@T / HTTP/1.1"), 400),
    "method_with_colon": (_head(b"GET: / HTTP/1.1"), 400),
    "method_outside_ascii": (_head(b"G\xc3\x89T / HTTP/1.1"), 400),
    "connect": (_target(b"test:443", b"CONNECT"), 501),
    "connect_with_a_path": (_target(b"/", b"CONNECT"), 501),
    "tls": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
}

_TARGETS: dict[str, tuple[bytes, int]] = {
    "target_without_slash": (_target(b"index.html"), 400),
    "target_authority": (_target(b"test:443"), 400),
    "target_asterisk": (_target(b"*"), 400),
    "target_asterisk_with_path": (_target(b"*/", b"OPTIONS"), 400),
    "target_fragment": (_target(b"/a#b"), 400),
    "target_space": (_target(b"/a b"), 400),
    "target_utf8": (_target(b"/\xc3\xa9"), 400),
    "target_latin1": (_target(b"/?\xe9"), 400),
    "target_other_scheme": (_target(b"ftp://test/"), 400),
    "target_script": (_target(b"javascript:alert(1)"), 400),
    "target_without_authority": (_target(b"http:///path"), 400),
    "target_one_slash": (_target(b"http:/test/"), 400),
    "target_userinfo": (_target(b"http://user@test/"), 400),
    "target_bad_port": (_target(b"http://test:port/"), 400),
    "target_bad_authority": (_target(b"http://te,st/"), 400),
    "target_absolute_fragment": (_target(b"http://test/#a"), 400),
    "host_missing": (_head(b"GET / HTTP/1.1", host=False), 400),
    "host_doubled": (_get(b"Host: other"), 400),
    "host_doubled_equal": (_get(b"Host: test"), 400),
    "host_doubled_1_0": (_head(b"GET / HTTP/1.0", b"Host: test"), 400),
    "host_missing_absolute": (_head(b"GET http://test/ HTTP/1.1", host=False), 400),
    "host_userinfo": (_host(b"user@test"), 400),
    "host_userinfo_1_0": (_head(b"GET / HTTP/1.0", b"Host: user@test", host=False), 400),
    "host_path": (_host(b"test/path"), 400),
    "host_query": (_host(b"test?a"), 400),
    "host_fragment": (_host(b"test#a"), 400),
    "host_scheme": (_host(b"http://test"), 400),
    "host_comma": (_host(b"test,other"), 400),
    "host_list": (_host(b"test, other"), 400),
    "host_space": (_host(b"te st"), 400),
    "host_backslash": (_host(b"te\\st"), 400),
    "host_quote": (_host(b'"test"'), 400),
    "host_angle": (_host(b"<test>"), 400),
    "host_utf8": (_host(b"t\xc3\xa9st"), 400),
    "host_percent": (_host(b"te%st"), 400),
    "host_port_name": (_host(b"test:http"), 400),
    "host_port_too_big": (_host(b"test:65536"), 400),
    "host_port_negative": (_host(b"test:-1"), 400),
    "host_two_ports": (_host(b"test:80:80"), 400),
    "host_ipv6_open": (_host(b"[::1"), 400),
    "host_ipv6_bare": (_host(b"::1"), 400),
    "host_ipv6_letters": (_host(b"[::g]"), 400),
    "host_ipv6_too_long": (_host(b"[1:2:3:4:5:6:7:8:9]"), 400),
    "host_ipv6_two_gaps": (_host(b"[1::2::3]"), 400),
    "host_ipv6_tail": (_host(b"[::1]x"), 400),
    "host_ipv4_in_brackets": (_host(b"[127.0.0.1]"), 400),
}

_FIELDS: dict[str, tuple[bytes, int]] = {
    "space_before_colon": (_get(b"X : y"), 400),
    "tab_before_colon": (_get(b"X\t: y"), 400),
    "space_before_first_field": (b"GET / HTTP/1.1\r\n Host: test\r\n\r\n", 400),
    "fold_with_space": (_get(b"X: a", b" b"), 400),
    "fold_with_tab": (_get(b"X: a", b"\tb"), 400),
    "fold_of_nothing": (_get(b"X: a", b" "), 400),
    "empty_name": (_get(b": y"), 400),
    "no_colon": (_get(b"nothing"), 400),
    "name_with_space": (_get(b"X Y: z"), 400),
    "name_with_parenthesis": (_get(b"X(Y): z"), 400),
    "name_with_quote": (_get(b'"X": z'), 400),
    "name_outside_ascii": (_get(b"X\xe9: z"), 400),
    "name_with_slash": (_get(b"X/Y: z"), 400),
    "fields_257": (_get(*(b"X%d: y" % number for number in range(256))), 431),
    "line_16_kib": (_target(b"/" + b"a" * 16384), 414),
    "head_64_kib": (_get(*(b"X%d: %b" % (number, b"y" * 8000) for number in range(9))), 431),
    "value_64_kib": (_get(b"X: " + b"y" * 65536), 431),
    "expect_unknown": (_get(b"Expect: 200-ok"), 417),
    "expect_list": (_post(b"Expect: 100-continue, more", b"Content-Length: 5", body=b"hello"), 417),
    "expect_doubled": (_post(b"Expect: 100-continue", b"Expect: 100-continue", b"Content-Length: 1", body=b"x"), 400),
}

_FRAMING: dict[str, tuple[bytes, int]] = (
    {
        "length_" + name: (_post(*(b"Content-Length: " + value for value in values), body=b"hello"), 400)
        for name, values in {
            "plus": (b"+5",),
            "minus": (b"-5",),
            "hex": (b"0x5",),
            "hex_digit": (b"a",),
            "float": (b"5.0",),
            "exponent": (b"1e1",),
            "underscore": (b"1_0",),
            "space": (b"1 0",),
            "tab": (b"1\t0",),
            "empty": (b"",),
            "list": (b"5, 6",),
            "list_equal": (b"5, 5",),
            "trailing_comma": (b"5,",),
            "superscript": (b"\xb9",),
            "arabic": (b"\xd9\xa5",),
            "quoted": (b'"5"',),
            "too_big": (b"9223372036854775808",),
            "far_too_big": (b"1" * 40,),
            "doubled": (b"5", b"6"),
            "doubled_equal": (b"5", b"5"),
            "doubled_zero": (b"0", b"5"),
        }.items()
    }
    | {
        "coding_" + name: (_post(*(b"Transfer-Encoding: " + value for value in values), body=_CHUNK), status)
        for name, (values, status) in {
            "gzip": ((b"gzip",), 501),
            "identity": ((b"identity",), 501),
            "prefixed": ((b"xchunked",), 501),
            "gzip_chunked": ((b"gzip, chunked",), 400),
            "chunked_gzip": ((b"chunked, gzip",), 400),
            "chunked_twice": ((b"chunked, chunked",), 400),
            "comma": ((b"chunked,",), 400),
            "comma_before": ((b",chunked",), 400),
            "parameter": ((b"chunked;q=1",), 400),
            "quoted": ((b'"chunked"',), 400),
            "empty": ((b"",), 400),
            "vertical_tab": ((b"\x0bchunked",), 400),
            "doubled": ((b"chunked", b"chunked"), 400),
            "doubled_identity": ((b"identity", b"chunked"), 400),
        }.items()
    }
    | {
        "length_and_coding": (_post(b"Content-Length: 15", b"Transfer-Encoding: chunked", body=_CHUNK), 400),
        "coding_and_length": (_post(b"Transfer-Encoding: chunked", b"Content-Length: 15", body=_CHUNK), 400),
        "length_zero_and_coding": (_post(b"Content-Length: 0", b"Transfer-Encoding: chunked", body=_CHUNK), 400),
        "coding_in_1_0": (_head(b"POST / HTTP/1.0", b"Transfer-Encoding: chunked") + _CHUNK, 400),
        "coding_space_before_colon": (_post(b"Transfer-Encoding : chunked", body=_CHUNK), 400),
        "coding_folded": (_post(b"Transfer-Encoding:", b" chunked", body=_CHUNK), 400),
        "length_space_before_colon": (_post(b"Content-Length : 5", body=b"hello"), 400),
        "coding_cr": (_post(b"Transfer-Encoding: chunked\r", body=_CHUNK), 400),
        "coding_hidden_by_lf": (_post(b"X: y\nTransfer-Encoding: chunked", body=_CHUNK), 400),
    }
)

BAD_REQUESTS: dict[str, tuple[bytes, int]] = {**_LINES, **_TARGETS, **_FIELDS, **_FRAMING}
"""Name -> (bytes, the status they are refused with)."""


def _fields(*fields: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"headers": [(b"host", b"test"), *fields]}


def _path(path: str, raw: bytes, query: bytes = b"") -> dict[str, Any]:
    return {"path": path, "raw_path": raw, "query_string": query}


ODD_REQUESTS: dict[str, tuple[bytes, dict[str, Any], bytes]] = {
    "empty_line_before": (b"\r\n" + _get(), {"method": "GET", "path": "/"}, b""),
    "lower_case_method": (_target(b"/", b"get"), {"method": "get"}, b""),
    "mixed_case_method": (_target(b"/", b"Post"), {"method": "Post"}, b""),
    "unknown_method": (_target(b"/", b"BREW"), {"method": "BREW"}, b""),
    "method_with_every_mark": (_target(b"/", b"!#$%&'*+-.^_`|~0a"), {"method": "!#$%&'*+-.^_`|~0a"}, b""),
    "method_of_webdav": (_target(b"/", b"VERSION-CONTROL"), {"method": "VERSION-CONTROL"}, b""),
    "method_query": (_target(b"/", b"QUERY"), {"method": "QUERY"}, b""),
    "options_asterisk": (_target(b"*", b"OPTIONS"), _path("*", b"*"), b""),
    "absolute_target": (
        _target(b"http://other:81/a?b=c"),
        _path("/a", b"/a", b"b=c") | {"headers": [(b"host", b"other:81")]},
        b"",
    ),
    "absolute_target_capitals": (_target(b"HTTPS://OTHER/a"), _path("/a", b"/a") | {"scheme": "http"}, b""),
    "absolute_target_without_path": (_target(b"http://other"), _path("/", b"/"), b""),
    "absolute_target_query_only": (_target(b"http://other?a=b"), _path("/", b"/", b"a=b"), b""),
    "absolute_target_1_0_without_host": (
        _head(b"GET http://other/ HTTP/1.0", host=False),
        {"headers": [(b"host", b"other")]},
        b"",
    ),
    "percent_escapes": (_target(b"/%61%2F%C3%A9?%61"), _path("/a/\u00e9", b"/%61%2F%C3%A9", b"%61"), b""),
    "percent_escapes_not_utf8": (_target(b"/%FF"), _path("/\ufffd", b"/%FF"), b""),
    "percent_escaped_controls": (_target(b"/%00%0D%0A"), _path("/\0\r\n", b"/%00%0D%0A"), b""),
    "decoded_once": (_target(b"/%2541"), _path("/%41", b"/%2541"), b""),
    "percent_without_digits": (_target(b"/%zz%"), _path("/%zz%", b"/%zz%"), b""),
    "dots_and_slashes": (_target(b"//a/../b/./c"), _path("//a/../b/./c", b"//a/../b/./c"), b""),
    "question_marks": (_target(b"/a??b?"), _path("/a", b"/a", b"?b?"), b""),
    "all_of_printable_ascii": (
        _target(b"/!\"$%&'()*+,-.:;<=>@[\\]^_`{|}~"),
        {"raw_path": b"/!\"$%&'()*+,-.:;<=>@[\\]^_`{|}~"},
        b"",
    ),
    "host_with_empty_port": (_host(b"test:"), {"headers": [(b"host", b"test:")]}, b""),
    "host_ipv6": (_host(b"[2001:db8::1]:8000"), {"headers": [(b"host", b"[2001:db8::1]:8000")]}, b""),
    "host_ipv6_with_ipv4": (_host(b"[::ffff:192.0.2.1]"), {"headers": [(b"host", b"[::ffff:192.0.2.1]")]}, b""),
    "host_marks": (_host(b"a_b~!$&'()*+;=.%2C"), {"headers": [(b"host", b"a_b~!$&'()*+;=.%2C")]}, b""),
    "host_capitals": (_host(b"TEST"), {"headers": [(b"host", b"TEST")]}, b""),
    "host_empty": (_host(b""), {"headers": [(b"host", b"")]}, b""),
    "version_1_0_without_host": (_head(b"GET / HTTP/1.0", host=False), {"http_version": "1.0", "headers": []}, b""),
    "version_1_2": (_head(b"GET / HTTP/1.2"), {"http_version": "1.1"}, b""),
    "version_1_9": (_head(b"GET / HTTP/1.9"), {"http_version": "1.1"}, b""),
    "white_space_around_values": (
        _get(b"A: \t x \t y\t ", b"B:x", b"C:", b"D: \t "),
        _fields((b"a", b"x \t y"), (b"b", b"x"), (b"c", b""), (b"d", b"")),
        b"",
    ),
    "obs_text": (_get(b"A: \xe9\xff"), _fields((b"a", b"\xe9\xff")), b""),
    "obs_text_like_white_space": (_get(b"A: \xa0x\x85"), _fields((b"a", b"\xa0x\x85")), b""),
    "duplicates_in_order": (
        _get(b"B: 1", b"A: 2", b"B: 3", b"b: 4"),
        _fields((b"b", b"1"), (b"a", b"2"), (b"b", b"3"), (b"b", b"4")),
        b"",
    ),
    "names": (_get(b"X_Y: 1", b"!#$%&'*+-.^`|~9: 2"), _fields((b"x_y", b"1"), (b"!#$%&'*+-.^`|~9", b"2")), b""),
    "colons_in_values": (_get(b"A: b:c", b"D::"), _fields((b"a", b"b:c"), (b"d", b":")), b""),
    "fields_256": (_get(*[b"X: y"] * 255), _fields(*[(b"x", b"y")] * 255), b""),
    "line_almost_16_kib": (_target(b"/" + b"a" * 16000), {"raw_path": b"/" + b"a" * 16000}, b""),
    "value_almost_64_kib": (_get(b"X: " + b"y" * 65000), _fields((b"x", b"y" * 65000)), b""),
    "body_of_get": (_get(b"Content-Length: 5") + b"hello", {"method": "GET"}, b"hello"),
    "body_of_delete": (_head(b"DELETE / HTTP/1.1", b"Content-Length: 5") + b"hello", {"method": "DELETE"}, b"hello"),
    "body_of_own_method": (_head(b"BREW / HTTP/1.1", b"Content-Length: 5") + b"hello", {"method": "BREW"}, b"hello"),
    "length_zero": (_post(b"Content-Length: 0"), {}, b""),
    "length_leading_zeros": (_post(b"Content-Length: 0005", body=b"hello"), {}, b"hello"),
    "length_white_space": (_post(b"Content-Length:\t5 ", body=b"hello"), {}, b"hello"),
    "length_in_capitals": (_post(b"CONTENT-LENGTH: 5", body=b"hello"), {}, b"hello"),
    "length_in_1_0": (_head(b"POST / HTTP/1.0", b"Content-Length: 5") + b"hello", {"http_version": "1.0"}, b"hello"),
    "no_length_no_body": (_post(), {}, b""),
    "coding_in_capitals": (_post(b"TRANSFER-ENCODING: CHUNKED", body=_CHUNK), {}, b"hello"),
    "coding_white_space": (_post(b"Transfer-Encoding:\tchunked ", body=_CHUNK), {}, b"hello"),
    "framing_in_another_field": (
        _post(b"X: Transfer-Encoding: chunked", b"Content-Length: 5", b"X-Content-Length: 7", body=b"hello"),
        {},
        b"hello",
    ),
    "expect_in_1_0": (
        _head(b"POST / HTTP/1.0", b"Expect: 100-continue", b"Content-Length: 5") + b"hello",
        {"http_version": "1.0"},
        b"hello",
    ),
    "expect_in_capitals": (_post(b"EXPECT: 100-CONTINUE", b"Content-Length: 5", body=b"hello"), {}, b"hello"),
    "upgrade_to_h2c": (
        _get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"),
        {"type": "http"},
        b"",
    ),
    "upgrade_to_another_protocol": (_get(b"Connection: upgrade", b"Upgrade: IRC/6.9"), {"type": "http"}, b""),
    "upgrade_without_connection": (_get(b"Upgrade: websocket"), {"type": "http"}, b""),
    "upgrade_in_1_0": (
        _head(b"GET / HTTP/1.0", b"Connection: upgrade", b"Upgrade: websocket"),
        {"type": "http", "http_version": "1.0"},
        b"",
    ),
    "connection_names_framing": (
        _post(b"Connection: content-length, host", b"Content-Length: 5", body=b"hello"),
        _fields((b"connection", b"content-length, host"), (b"content-length", b"5")),
        b"hello",
    ),
    "connection_names_a_field": (
        _get(b"Connection: x-own, keep-alive", b"X-Own: 1", b"Keep-Alive: timeout=5"),
        _fields((b"connection", b"x-own, keep-alive"), (b"x-own", b"1"), (b"keep-alive", b"timeout=5")),
        b"",
    ),
    "forwarded": (_get(b"X-Forwarded-Proto: https"), {"scheme": "http"}, b""),
    "proxy_connection": (_get(b"Proxy-Connection: close"), _fields((b"proxy-connection", b"close")), b""),
}
"""Name -> (bytes, what the scope holds among others, the body)."""
