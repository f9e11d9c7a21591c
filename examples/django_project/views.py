"""Views of both kinds: Django runs the synchronous ones in a thread, the others in the server's loop."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import threading
from collections.abc import AsyncIterator

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.views.decorators.http import require_POST, require_safe

from django_project.audience import Audience

audience = Audience()


@require_safe
async def index(request: HttpRequest) -> HttpResponse:
    """Say hello from the loop."""
    return JsonResponse({"message": "Hello from Django"})


@require_safe
def index_sync(request: HttpRequest) -> HttpResponse:
    """Say hello from a thread, in which blocking is allowed."""
    return JsonResponse({"message": "Hello from Django", "thread": threading.current_thread().name})


@require_POST
def echo(request: HttpRequest) -> HttpResponse:
    """Give a small body back with the type it came with."""
    return HttpResponse(request.body, content_type=request.content_type)


@require_POST
def checksum(request: HttpRequest) -> HttpResponse:
    """Read a body piece by piece; Django keeps a large one in a file."""
    digest, size = hashlib.sha256(), 0
    while chunk := request.read(1 << 16):
        digest.update(chunk)
        size += len(chunk)
    return JsonResponse({"size": size, "sha256": digest.hexdigest()})


@require_safe
async def numbers(request: HttpRequest) -> StreamingHttpResponse:
    """Send one line after the other."""

    async def lines() -> AsyncIterator[str]:
        for number in range(int(request.GET.get("count", 10))):
            yield f"{number}\n"

    return StreamingHttpResponse(lines(), content_type="text/plain")


@require_safe
async def events(request: HttpRequest) -> StreamingHttpResponse:
    """Server-sent events until the client leaves, at which Django cancels the generator."""

    async def ticks() -> AsyncIterator[str]:
        with audience.member():
            for number in itertools.count():
                yield f"data: {number}\n\n"
                await asyncio.sleep(0.05)

    return StreamingHttpResponse(ticks(), content_type="text/event-stream")


@require_safe
async def listeners(request: HttpRequest) -> HttpResponse:
    """How many clients listen to the events; with `?wait=1` the answer comes when nobody does."""
    if "wait" in request.GET:
        await audience.until_empty()
    return JsonResponse({"listeners": audience.size})
