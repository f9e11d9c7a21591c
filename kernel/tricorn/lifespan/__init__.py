"""The ASGI lifespan protocol: `auto` and `on` run it, `off` does not."""
