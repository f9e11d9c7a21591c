"""What the interpreter does best by its builtin functions, and C in a loop: `compiling.py` says where these are called.
This is a part of the compiled module, and is not imported by itself."""

from __future__ import annotations

from typing import Any

from tricorn.exchange import Exchange
from tricorn.recall import UNKNOWN, Recall


def request_line(recall: Recall, line: bytes) -> Any:
    """`recall.request(line, UNKNOWN)`."""
    known = recall._requests.get(line)
    return UNKNOWN if known is None else known


def known_fields(memory: dict[bytes, Any], lines: list[bytes]) -> list[Any]:
    """What is known of the field lines of a head."""
    return [memory.get(lines[place]) for place in range(1, len(lines) - 2)]


def all_true(values: list[Any]) -> bool:
    """`all`."""
    for value in values:  # noqa: SIM110
        if not value:
            return False
    return True


def dict_of(pairs: list[Any]) -> dict[Any, Any]:
    """`dict`."""
    return {name: value for name, value in pairs}  # noqa: C416


def all_in(names: dict[Any, Any], known: set[Any]) -> bool:
    """`known.issuperset(names)`."""
    for name in names:  # noqa: SIM110
        if name not in known:
            return False
    return True


def start(receiver: Any) -> None:
    """`receiver.start()`."""
    if isinstance(receiver, Exchange):
        exchange = receiver
        exchange.start()
    else:
        receiver.start()


RECEIVE, SEND = Exchange.receive, Exchange.send
