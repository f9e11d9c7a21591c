"""Upgrades that nobody here takes: the request is served as if it had not asked (RFC 9110 section 7.8), and the log
says so once for each protocol."""

from __future__ import annotations

import logging

from tricorn.log_formats import escape

_NAMED = 32
"""Protocols that are told apart; clients may send any name."""
_LONGEST = 40
"""Characters of a name that the log shows."""

WEBSOCKET = b"websocket"


class UnsupportedUpgrades:
    """What one server has been asked for in vain."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._known: set[bytes] = set()

    def look_at(self, fields: dict[bytes, bytes]) -> None:
        """Warn about the Upgrade field of a request that is served without one."""
        if b"upgrade" in fields.get(b"connection", b"").lower():
            self.warn(fields[b"upgrade"])

    def warn(self, name: bytes) -> None:
        """Say that a protocol was asked for, unless that has been said."""
        known = name.lower()[: _LONGEST + 1]
        if known in self._known or len(self._known) >= _NAMED:
            return
        self._known.add(known)
        text = escape(name[:_LONGEST].decode("latin-1")) + "..." * (len(name) > _LONGEST)
        why = "WebSockets are off here (--ws, --interface)" if known == WEBSOCKET else "nothing here speaks that"
        self._log.warning('Unsupported upgrade request. A client asked for "%s": %s.', text, why)
