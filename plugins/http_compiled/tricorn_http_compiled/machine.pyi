"""The compiled module, as the type checker sees it: `compiling.py` makes it from the kernel's sources."""

from tricorn.exchange import Exchange as Exchange
from tricorn.http1 import Http1Connection as Http1Connection
from tricorn_http_compiled.sending import Sending as Sending
from tricorn_http_compiled.shared import Shared as Shared

SOURCES: str
