"""A FastAPI endpoint with a path parameter and a validated JSON answer: what the framework costs is part of it."""

from __future__ import annotations

from fastapi import FastAPI
from pydantic import BaseModel


class Item(BaseModel):
    """What the endpoint answers."""

    id: int
    name: str
    price: float
    tags: list[str]


app = FastAPI()


@app.get("/")
async def root() -> dict[str, str]:
    """Answered while the harness waits for the server."""
    return {"hello": "world"}


@app.get("/items/{item_id}")
async def read_item(item_id: int, q: str | None = None) -> Item:
    """One item, made up from the request."""
    return Item(id=item_id, name=q or "item", price=9.5, tags=["a", "b", "c"])
