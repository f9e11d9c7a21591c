"""Flask, which is WSGI: requests, an upload and a stream."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Flask, Response, request

app = Flask(__name__)


@app.get("/")
def index() -> dict[str, str]:
    return {"scheme": request.scheme, "query": request.args.get("q", "")}


@app.post("/size")
def size() -> dict[str, int]:
    total = 0
    while part := request.stream.read(65536):
        total += len(part)
    return {"size": total}


@app.get("/numbers")
def numbers() -> Response:
    def lines() -> Iterator[str]:
        for number in range(1000):
            yield f"{number}\n"

    return Response(lines(), content_type="text/plain")
