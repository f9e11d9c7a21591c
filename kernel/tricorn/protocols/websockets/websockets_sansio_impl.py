"""uvicorn's module of this name."""

from tricorn.protocols.stand_ins import instead
from tricorn.protocols.websockets import WebSocketsSansIOProtocol

__all__ = ["WebSocketsSansIOProtocol"]
__getattr__ = instead(__name__)
