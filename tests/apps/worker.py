"""Answers with its process id; the path says what it does before. The variable BREAK_START names a file that, while it
exists, keeps the application from starting."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

if Path(os.environ.get("BREAK_START", "/nonexistent")).exists():
    raise RuntimeError("this release is broken")


async def app(scope, receive, send):  # type: ignore[no-untyped-def]
    if scope["type"] == "lifespan":
        while True:
            event = (await receive())["type"]
            await send({"type": event + ".complete"})
            if event == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/block":
        await send({"type": "http.response.body", "body": b"%d " % os.getpid(), "more_body": True})
        time.sleep(2.5)  # noqa: ASYNC251 - this is what a test is about
    elif scope["path"] == "/hang":
        await send({"type": "http.response.body", "body": b"%d " % os.getpid(), "more_body": True})
        await asyncio.Event().wait()
    await send({"type": "http.response.body", "body": b"%d" % os.getpid()})


async def unwilling(scope, receive, send):  # type: ignore[no-untyped-def]
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})
