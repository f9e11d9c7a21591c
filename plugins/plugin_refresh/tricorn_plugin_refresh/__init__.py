"""Has the browser load the page again when the tricorn server has restarted: for development.

A page gets one more element at its very end, a script that listens to a stream of the server. The stream names the
process; it ends with that, the browser asks for it again, and when another process answers the page is loaded anew.
Nothing in front of the end of a page is touched, so that it may be streamed, and nothing but pages.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

from tricorn.api import ASGIApp, Headers, Receive, Scope, Send, Unavailable, hookimpl

tricorn_api = 1

SCRIPT_PATH = "/.tricorn/refresh.js"
STREAM_PATH = "/.tricorn/refresh"

SCRIPT = b"""\
(() => {
  const source = new EventSource(document.currentScript.src.replace(/\\.js$/, ""));
  let process = null;
  source.onmessage = (event) => {
    if (process !== null && process !== event.data) location.reload();
    process = event.data;
  };
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
})();
"""

RETRY = 100
"""Milliseconds after which a browser asks again. While the server restarts its socket stays open: nobody is refused."""

PROCESS = secrets.token_hex(8)

_UNTOUCHED = {b"content-encoding", b"content-range", b"content-digest", b"repr-digest", b"content-md5"}
"""Fields that say something of the bytes as they are."""

_NONCE = re.compile(rb"'nonce-([A-Za-z0-9+/_=-]+)'")


def wants_page(scope: Scope) -> bool:
    """Whether a browser asks for a page to show, and not a script of it for a piece of one."""
    fields = dict(scope["headers"])
    return (
        scope["method"] in ("GET", "HEAD")
        and b"text/html" in fields.get(b"accept", b"")
        and fields.get(b"sec-fetch-dest", b"document") == b"document"
    )


def is_page(status: int, headers: Headers) -> bool:
    """Whether a response is a page, whole and legible."""
    fields = {name.lower(): value for name, value in headers}
    kind = fields.get(b"content-type", b"").partition(b";")[0].strip().lower()
    return (status == 200 or status >= 400) and kind == b"text/html" and not _UNTOUCHED & fields.keys()


def element(source: str, headers: Headers) -> bytes:
    """The script element, with the nonce that the page's Content-Security-Policy asks for."""
    policies = (value for name, value in headers if name.lower() == b"content-security-policy")
    nonce = next((match[1] for value in policies if (match := _NONCE.search(value))), None)
    attribute = b' nonce="%s"' % nonce if nonce else b""
    return b'\n<script src="%s"%s></script>\n' % (source.encode(), attribute)


def appending(send: Send, source: str) -> Send:
    """Sends a response, with the element at its end if it is a page."""
    added = b""

    async def send_page(message: Any) -> None:
        nonlocal added
        if message["type"] == "http.response.start":
            headers = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
            if is_page(message["status"], headers):
                added = element(source, headers)
                message = {**message, "headers": [(name, _longer(name, value, added)) for name, value in headers]}
        elif message["type"] == "http.response.body" and added and not message.get("more_body", False):
            message = {**message, "body": message.get("body", b"") + added}
            added = b""
        await send(message)

    return send_page


def _longer(name: bytes, value: bytes, added: bytes) -> bytes:
    return b"%d" % (int(value) + len(added)) if name.lower() == b"content-length" and value.isdigit() else value


async def answer_stream(receive: Receive, send: Send) -> None:
    """Say which process this is, until the browser leaves or the server does."""
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    event = f"retry: {RETRY}\ndata: {PROCESS}\n\n".encode()
    await send({"type": "http.response.body", "body": event, "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        pass
    await send({"type": "http.response.body"})


async def answer_script(send: Send) -> None:
    """The script, which is the same for every process."""
    headers = [(b"content-type", b"text/javascript"), (b"content-length", b"%d" % len(SCRIPT))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": SCRIPT})


@hookimpl
def tricorn_app(app: ASGIApp, settings: Any) -> ASGIApp:
    """The plugin `refresh`."""
    if settings.workers > 1 and not settings.should_reload:
        raise Unavailable("it tells one process from the next, and several serve here (--workers)")
    script, stream = (settings.root_path + path for path in (SCRIPT_PATH, STREAM_PATH))

    async def with_refresh(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
        elif scope["path"] == script:
            await answer_script(send)
        elif scope["path"] == stream:
            await answer_stream(receive, send)
        else:
            await app(scope, receive, appending(send, script) if wants_page(scope) else send)

    return with_refresh
