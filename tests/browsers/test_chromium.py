"""HTTP/2 with a browser: headless Chromium loads a page whose script tries what a page can do.

Not part of the default run: it needs Chromium, beside which `.ci/run` runs it.
"""

from __future__ import annotations

import asyncio
import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.servers import DEADLINE, Combination, ThreadServer

PAGE = b"""<!doctype html>
<title>HTTP/2</title>
<pre id="out">waiting</pre>
<img src="/until-done" alt="">
<script>
async function results() {
  const out = {};
  out.page = performance.getEntriesByType('navigation')[0].nextHopProtocol;
  const numbers = [...Array(50).keys()];
  const answers = await Promise.all(numbers.map(n => fetch('/number/' + n).then(r => r.text())));
  out.fetched = answers.join() === numbers.join();
  out.fetches = [...new Set(performance.getEntriesByType('resource').map(entry => entry.nextHopProtocol))];
  out.uploaded = await (await fetch('/size', {method: 'POST', body: new Uint8Array(3000000)})).text();
  const controller = new AbortController();
  const slow = fetch('/slow', {signal: controller.signal});
  await fetch('/slow-has-begun');
  controller.abort();
  try { await slow } catch (error) { out.aborted = error.name }
  out.disconnected = await (await fetch('/disconnected')).text();
  out.socket = await new Promise(resolve => {
    const socket = new WebSocket('wss://' + location.host + '/socket');
    socket.onopen = () => socket.send('hello');
    socket.onmessage = event => { socket.close(); resolve(event.data) };
    socket.onerror = () => resolve('error');
  });
  return out;
}
results().catch(error => String(error)).then(out => {
  document.getElementById('out').textContent = JSON.stringify(out);
  return fetch('/done', {method: 'POST'});
});
</script>"""


class App:
    """The page, and what its script asks for. The page has loaded when its picture has: after the script."""

    def __init__(self) -> None:
        self.begun, self.disconnected, self.done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await self.talk(scope, receive, send)
        elif scope["type"] == "http":
            body = await self.answer(scope["path"], receive)
            kind = b"text/html" if scope["path"] == "/" else b"text/plain"
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
            await send({"type": "http.response.body", "body": body})
        else:
            raise RuntimeError("no lifespan")

    async def answer(self, path: str, receive: Any) -> bytes:
        if path == "/":
            return PAGE
        if path.startswith("/number/"):
            return path.removeprefix("/number/").encode()
        if path == "/size":
            size, more = 0, True
            while more:
                event = await receive()
                size += len(event["body"])
                more = event["more_body"]
            return b"%d" % size
        if path == "/slow":
            self.begun.set()
            while (await receive())["type"] != "http.disconnect":
                pass
            self.disconnected.set()
        elif path == "/slow-has-begun":
            await self.begun.wait()
        elif path == "/disconnected":
            await self.disconnected.wait()
            return b"heard"
        elif path == "/until-done":
            await self.done.wait()
        elif path == "/done":
            self.done.set()
        return b""

    async def talk(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": f"{event['text']} over {scope['http_version']}"})


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_page_and_its_script(loop: str, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    assert browser is not None, "these tests need Chromium"
    issued = trustme.CA().issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    files = {"ssl_keyfile": str(tmp_path / "key.pem"), "ssl_certfile": str(tmp_path / "certificate.pem")}
    with ThreadServer(App(), Combination("h2,httptools", "frames", loop), **files) as server:
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--ignore-certificate-errors", "--dump-dom"]
        arguments += [f"--user-data-dir={tmp_path / 'profile'}", f"--timeout={int(DEADLINE) * 1000}"]
        done = subprocess.run(
            [browser, *arguments, server.url + "/"], capture_output=True, text=True, timeout=2 * DEADLINE, check=True
        )
    found = re.search(r'<pre id="out">(.*?)</pre>', done.stdout)
    assert found is not None, done.stdout
    assert json.loads(html.unescape(found[1])) == {
        "page": "h2",
        "fetched": True,
        "fetches": ["h2"],
        "uploaded": "3000000",
        "aborted": "AbortError",
        "disconnected": "heard",
        "socket": "hello over 2",
    }
