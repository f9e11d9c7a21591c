"""uvicorn's module of this name."""

from tricorn.protocols.http import AutoHTTPProtocol
from tricorn.protocols.stand_ins import instead

__all__ = ["AutoHTTPProtocol"]
__getattr__ = instead(__name__)
