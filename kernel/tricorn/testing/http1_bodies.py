"""Chunked bodies on the border of RFC 9112: those that must be refused, with the status, and those that look odd."""

from __future__ import annotations

__all__ = ["BAD_BODIES", "GOOD_BODIES"]

_CHUNK = b"5\r\nhello\r\n0\r\n\r\n"

BAD_BODIES: dict[str, tuple[bytes, int]] = {
    "size_letter": (b"g\r\nhello\r\n0\r\n\r\n", 400),
    "size_empty": (b"\r\nhello\r\n0\r\n\r\n", 400),
    "size_plus": (b"+5\r\nhello\r\n0\r\n\r\n", 400),
    "size_minus": (b"-5\r\nhello\r\n0\r\n\r\n", 400),
    "size_prefix": (b"0x5\r\nhello\r\n0\r\n\r\n", 400),
    "size_underscore": (b"0_5\r\nhello\r\n0\r\n\r\n", 400),
    "size_space_before": (b" 5\r\nhello\r\n0\r\n\r\n", 400),
    "size_space_behind": (b"5 \r\nhello\r\n0\r\n\r\n", 400),
    "size_tab_behind": (b"5\t\r\nhello\r\n0\r\n\r\n", 400),
    "size_lf": (b"5\nhello\r\n0\r\n\r\n", 400),
    "size_cr": (b"5\rhello\r\n0\r\n\r\n", 400),
    "size_cr_crlf": (b"5\r\r\nhello\r\n0\r\n\r\n", 400),
    "size_2_63": (b"8000000000000000\r\nhello", 400),
    "size_2_64": (b"10000000000000005\r\nhello\r\n0\r\n\r\n", 400),
    "size_40_digits": (b"f" * 40 + b"\r\nhello", 400),
    "size_outside_ascii": (b"\xd9\xa5\r\nhello\r\n0\r\n\r\n", 400),
    "size_line_too_long": (b"5;a=" + b"b" * 4093 + b"\r\nhello\r\n0\r\n\r\n", 400),
    "extension_empty": (b"5;\r\nhello\r\n0\r\n\r\n", 400),
    "extension_without_name": (b"5;=a\r\nhello\r\n0\r\n\r\n", 400),
    "extension_without_value": (b"5;a=\r\nhello\r\n0\r\n\r\n", 400),
    "extension_with_space": (b"5;a b\r\nhello\r\n0\r\n\r\n", 400),
    "extension_with_lf": (b"5;a\nb\r\nhello\r\n0\r\n\r\n", 400),
    "extension_with_cr": (b"5;a\rb\r\nhello\r\n0\r\n\r\n", 400),
    "extension_with_nul": (b"5;a\0\r\nhello\r\n0\r\n\r\n", 400),
    "extension_open_quote": (b'5;a="b\r\nhello\r\n0\r\n\r\n', 400),
    "extension_crlf_in_quotes": (b'5;a="b\r\n"\r\nhello\r\n0\r\n\r\n', 400),
    "data_too_long": (b"4\r\nhello\r\n0\r\n\r\n", 400),
    "data_too_short": (b"6\r\nhello\r\n0\r\n\r\n", 400),
    "data_ends_in_lf": (b"5\r\nhello\n0\r\n\r\n", 400),
    "data_ends_in_cr": (b"5\r\nhello\r0\r\n\r\n", 400),
    "data_ends_in_cr_crlf": (b"5\r\nhello\r\r\n0\r\n\r\n", 400),
    "data_without_end": (b"5\r\nhello0\r\n\r\n", 400),
    "last_lf": (b"5\r\nhello\r\n0\n\n", 400),
    "trailer_lf": (b"0\r\nX: y\n\r\n", 400),
    "trailers_end_in_lf": (b"0\r\nX: y\r\n\n", 400),
    "trailer_without_colon": (b"0\r\nnothing\r\n\r\n", 400),
    "trailer_space_before_colon": (b"0\r\nX : y\r\n\r\n", 400),
    "trailer_empty_name": (b"0\r\n: y\r\n\r\n", 400),
    "trailer_folded": (b"0\r\nX: y\r\n z\r\n\r\n", 400),
    "trailer_nul": (b"0\r\nX: \0\r\n\r\n", 400),
    "trailer_cr": (b"0\r\nX: a\rb\r\n\r\n", 400),
    "request_as_trailer": (b"0\r\nGET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n", 400),
    "trailers_too_large": (b"0\r\n" + b"".join(b"X%d: %b\r\n" % (n, b"y" * 1000) for n in range(17)) + b"\r\n", 431),
    "trailer_too_large": (b"0\r\nX: " + b"y" * 16380 + b"\r\n\r\n", 431),
}
"""Name -> (what stands where a chunked body should, the status it is refused with)."""

GOOD_BODIES: dict[str, tuple[bytes, bytes]] = {
    "empty": (b"0\r\n\r\n", b""),
    "one_chunk": (_CHUNK, b"hello"),
    "hex_digits_of_both_cases": (b"a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n", b"01234567890123456789a"),
    "leading_zeros": (b"0005\r\nhello\r\n000\r\n\r\n", b"hello"),
    "extension": (b"5;a\r\nhello\r\n0;b\r\n\r\n", b"hello"),
    "extension_with_value": (b"5;a=b;c=d\r\nhello\r\n0\r\n\r\n", b"hello"),
    "extension_quoted": (b'5;a="b;c \\" \\\\ \t\xe9"\r\nhello\r\n0\r\n\r\n', b"hello"),
    "size_line_4_kib": (b"5;a=" + b"b" * 4092 + b"\r\nhello\r\n0\r\n\r\n", b"hello"),
    "crlf_in_data": (b"6\r\n\r\n0\r\n\r\r\n1\r\n\n\r\n0\r\n\r\n", b"\r\n0\r\n\r\n"),
    "trailers": (b"5\r\nhello\r\n0\r\nX: y\r\nContent-Length: 7\r\nHost: other\r\n\r\n", b"hello"),
    "trailer_without_value": (b"5\r\nhello\r\n0\r\nX:\r\n\r\n", b"hello"),
    "trailers_16_kib": (b"0\r\nX: " + b"y" * 16379 + b"\r\n\r\n", b""),
    "many_small_chunks": (b"1\r\nx\r\n" * 2000 + b"0\r\n\r\n", b"x" * 2000),
}
"""Name -> (a chunked body, what it holds)."""
