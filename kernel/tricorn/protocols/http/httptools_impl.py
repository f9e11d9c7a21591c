"""uvicorn's module of this name."""

from tricorn.protocols.http import HttpToolsProtocol
from tricorn.protocols.stand_ins import instead

__all__ = ["HttpToolsProtocol"]
__getattr__ = instead(__name__)
