"""Calls of `send` that cost no coroutine. This is a part of the compiled module, and is not imported by itself."""

from __future__ import annotations

import warnings
from typing import Any


class Sending:
    """What `Exchange.send` returns: a coroutine to whoever asks.

    Like one it begins when it is awaited. Nearly all end with their first step, which is a call in C then. One that has
    to wait goes on as what it waits for; one that is driven otherwise than by `await` becomes a real coroutine.
    """

    def __init__(self, exchange: Any, event: Any) -> None:
        self._exchange = exchange
        self._event = event
        self._begun = False
        self._rest: Any = None

    def __await__(self) -> Any:
        return self

    def __next__(self) -> Any:
        if self._begun:
            return self._driven().send(None)
        self._begun = True
        try:
            waiting = self._exchange._send(_plain(self._event))
        except StopIteration as error:  # as PEP 479 has it for coroutines
            raise RuntimeError("coroutine raised StopIteration") from error
        if waiting is None:
            raise StopIteration
        self._rest = waiting.__await__()
        return self._rest.send(None)

    def send(self, value: Any) -> Any:
        """As a coroutine's."""
        return self._driven().send(value)

    def throw(self, *error: Any) -> Any:
        """As a coroutine's."""
        return self._driven().throw(*error)

    def close(self) -> None:
        """As a coroutine's."""
        if self._rest is not None or not self._begun:
            self._driven().close()

    def _driven(self) -> Any:
        """What goes on in this one's place."""
        if not self._begun:
            self._begun = True
            self._rest = _send(self._exchange, self._event)
        elif self._rest is None:
            raise RuntimeError("cannot reuse already awaited coroutine")
        return self._rest

    def __dealloc__(self) -> None:
        if not self._begun:
            warnings.warn("coroutine 'send' was never awaited", RuntimeWarning, stacklevel=1)


async def _send(exchange: Any, event: Any) -> None:
    waiting = exchange._send(_plain(event))
    if waiting is not None:
        await waiting


def _plain(event: Any) -> dict[str, Any]:
    """An event whose items C reads at once; applications may send any mapping."""
    return event if type(event) is dict else dict(event)
