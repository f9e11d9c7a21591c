"""uvicorn's module of this name."""

from tricorn.protocols.stand_ins import instead
from tricorn.protocols.websockets import WebSocketProtocol

__all__ = ["WebSocketProtocol"]
__getattr__ = instead(__name__)
