"""HTTP/1 heads read in Python."""

from __future__ import annotations

from tricorn.api import Headers, Http1Codec, HttpProvider, hookimpl

tricorn_api = 1


class ExampleCodec:
    """An `Http1Codec` (see `tricorn.api`): a fast reader of what is usual. The kernel reads what this one declines."""

    __slots__ = ()

    def read_head(self, head: bytes) -> tuple[bytes, bytes, Headers]:
        """Split one complete head into method, target and fields. Raises ValueError to leave it to the kernel."""
        line, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
        method, target, _ = line.split(b" ")
        fields = []
        for text in lines:
            name, colon, value = text.partition(b":")
            if not colon:
                raise ValueError("a field without a colon")
            fields.append((name.lower(), value.strip(b" \t")))
        return method, target, fields


_: type[Http1Codec] = ExampleCodec


@hookimpl
def tricorn_http() -> HttpProvider:
    """The codec, for the kernel's HTTP/1 connection."""
    return HttpProvider(codec=ExampleCodec)
