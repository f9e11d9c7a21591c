"""What a client may make the server do for nothing: budgets of one connection, used up by floods and refilled in time.

Two kinds of work cost the client less than the server. *Resets* throw work away: the client's own RST_STREAM (rapid
reset), those that it provokes (MadeYouReset), refused streams and refused requests. *Control* frames make no progress:
SETTINGS, PING, PRIORITY, WINDOW_UPDATE, empty DATA, frames of unknown types or for streams that are gone. A budget is
what may come at once; it refills at a tenth of that in a second. Real work refills the second as well: a download
brings a WINDOW_UPDATE or two for each DATA frame, however many those are.
"""

from __future__ import annotations

from tricorn_http_h2.frames import ENHANCE_YOUR_CALM, ConnectionFault

WORK = 3
"""Control frames that a request or a DATA frame may bring about: two WINDOW_UPDATE and a PING, say."""

REFILL = 0.1
"""The part of a budget that comes back in a second."""


class Budget:
    """One budget. limit: what may come at once. what: names it in the debug data of GOAWAY.

    earned: what real work has brought since the last look; whoever does the work adds to it.
    clock: the kernel's, in seconds. Time and work are looked at only when the budget is used up.
    """

    __slots__ = ("_left", "_limit", "_seen", "_what", "earned")

    def __init__(self, limit: int, what: str, clock: float) -> None:
        self._limit = self._left = float(limit)
        self._what = what
        self._seen = clock
        self.earned = 0

    def spend(self, clock: float) -> None:
        """Count one event. Raises ConnectionFault when there have been too many."""
        self._left -= 1.0
        if self._left < 0.0:
            refilled = self._left + self.earned + (clock - self._seen) * REFILL * self._limit
            self._left = min(self._limit, refilled)
            self._seen = clock
            self.earned = 0
            if self._left < 0.0:
                raise ConnectionFault(ENHANCE_YOUR_CALM, f"too many {self._what}")
