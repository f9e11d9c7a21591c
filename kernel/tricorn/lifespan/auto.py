"""The plugin `auto`: run the lifespan protocol for applications that know it."""

from __future__ import annotations

from tricorn.api import LifespanProvider, hookimpl
from tricorn.lifespan.on import LifespanOn

tricorn_api = 1


class LifespanAuto(LifespanOn):
    """A lifespan that an application may decline, by raising before it has received or sent anything."""

    optional = True


@hookimpl
def tricorn_lifespan() -> LifespanProvider:
    """The plugin `auto`."""
    return LifespanProvider(LifespanAuto)
