"""Proxy headers as an application around an application, for programs that build their own stack.

The server itself does not use it: it rewrites the scope of requests that have such headers, and only theirs.
"""

from __future__ import annotations

from tricorn.api import PROXY_FIELDS, ASGIApp, Receive, Scope, Send
from tricorn.options import BY_NAME, default_of
from tricorn.proxy import USUAL_KEEP_ALIVE, Proxies, TrustedPeers

__all__ = ["ProxyHeadersMiddleware", "TrustedPeers"]


class ProxyHeadersMiddleware:
    """Takes client and scheme from X-Forwarded-For and X-Forwarded-Proto of trusted peers.

    trusted_hosts: addresses and networks, as a list or comma-separated; `"*"` trusts everybody.
    """

    proxy_host, proxy_prefix, proxy_forwarded = (
        default_of(BY_NAME[name]) for name in ("proxy_host", "proxy_prefix", "proxy_forwarded")
    )

    timeout_keep_alive = USUAL_KEEP_ALIVE  # whoever serves the application knows, and says what there is to say

    def __init__(self, app: ASGIApp, trusted_hosts: list[str] | str = "127.0.0.1") -> None:
        self.app = app
        self.forwarded_allow_ips = trusted_hosts
        self._proxies = Proxies(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application with the scope that the proxy's headers make of this one."""
        if scope["type"] != "lifespan" and any(name in PROXY_FIELDS for name, _ in scope["headers"]):
            self._proxies.apply(scope)
        await self.app(scope, receive, send)
