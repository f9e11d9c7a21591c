"""uvicorn's module of this name."""

from tricorn.protocols.stand_ins import instead
from tricorn.protocols.websockets import AutoWebSocketsProtocol

__all__ = ["AutoWebSocketsProtocol"]
__getattr__ = instead(__name__)
