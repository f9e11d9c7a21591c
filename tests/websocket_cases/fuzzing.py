"""Byte streams for codecs: frames that are valid, frames that are broken, and cuts that fall anywhere."""

from __future__ import annotations

import zlib

from hypothesis import strategies as st

from tricorn.testing.ws_peer import BINARY, CLOSE, CONT, PING, PONG, TEXT, frame

sizes = st.one_of(st.integers(0, 8), st.sampled_from((124, 125, 126, 127, 128, 300, 65535, 65536)))
masks = st.binary(min_size=4, max_size=4)


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    """Bytes of a message: text, almost text, or anything; long ones are repetitions."""
    part = draw(
        st.one_of(
            st.text(max_size=12).map(str.encode),
            st.binary(max_size=12),
            st.sampled_from((b"", b"\xf0\x9f\xa6", b"\xed\xa0\x80", b"\xc0\xaf", "🦄".encode())),
        )
    )
    size = draw(sizes)
    return (part * (size // (len(part) or 1) + 1))[: max(size, len(part))] if part and draw(st.booleans()) else part


@st.composite
def messages(draw: st.DrawFn, compressed: bool) -> bytes:
    """One message in one or several frames, with control frames between them; deflated where that was agreed."""
    opcode = draw(st.sampled_from((TEXT, BINARY)))
    payload = draw(payloads())
    rsv = 0
    if compressed and draw(st.booleans()):
        rsv = 4
        stream = zlib.compressobj(wbits=-12)
        payload = stream.compress(payload) + stream.flush(draw(st.sampled_from((zlib.Z_SYNC_FLUSH, zlib.Z_FINISH))))
        payload = payload.removesuffix(b"\0\0\xff\xff") if payload.endswith(b"\0\0\xff\xff") else payload + b"\0"
    cuts = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=3)))
    parts = [payload[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(payload)], strict=True)]
    data = b""
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        data += frame(CONT if index else opcode, part, fin=last, rsv=0 if index else rsv, mask=draw(masks))
        if not last and draw(st.booleans()):
            data += draw(controls())
    return data


@st.composite
def controls(draw: st.DrawFn) -> bytes:
    """A ping or a pong."""
    return frame(draw(st.sampled_from((PING, PONG))), draw(st.binary(max_size=125)), mask=draw(masks))


@st.composite
def closes(draw: st.DrawFn) -> bytes:
    """A close frame, right or wrong."""
    code = draw(st.one_of(st.integers(0, 65535), st.sampled_from((1000, 1001, 1005, 1014, 1015, 3000, 4999))))
    return frame(CLOSE, code.to_bytes(2, "big") + draw(st.one_of(st.just(b""), payloads().map(lambda p: p[:123]))))


@st.composite
def anything(draw: st.DrawFn) -> bytes:
    """A frame with anything in its head."""
    payload = draw(payloads())
    size = len(payload)
    form = draw(st.sampled_from([form for form, most in ((7, 125), (16, 65535), (64, 1 << 63)) if size <= most]))
    return frame(
        draw(st.integers(0, 15)),
        payload,
        fin=draw(st.booleans()),
        rsv=draw(st.sampled_from((0, 0, 0, 1, 2, 4, 7))),
        mask=draw(st.one_of(masks, masks, st.none())),
        form=form,
        length=draw(st.sampled_from((None, None, 1 << 40))) if form == 64 else None,
    )


def streams(compressed: bool) -> st.SearchStrategy[bytes]:
    """What a peer may send in all."""
    valid = st.one_of(messages(compressed), messages(compressed), controls())
    broken = st.one_of(closes(), anything(), st.binary(max_size=20))
    return st.tuples(st.lists(valid, max_size=6), st.lists(st.one_of(valid, broken), max_size=3)).map(
        lambda parts: b"".join(parts[0]) + b"".join(parts[1])
    )


@st.composite
def segmented(draw: st.DrawFn, compressed: bool) -> tuple[bytes, list[bytes]]:
    """A stream, and the same in reads."""
    data = draw(streams(compressed))
    if len(data) < 400 and draw(st.booleans()):
        return data, [data[index : index + 1] for index in range(len(data))]
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    return data, [data[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True)]
