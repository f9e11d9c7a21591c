"""uvicorn's module of this name."""

from tricorn.protocols.stand_ins import instead
from tricorn.protocols.websockets import WSProtocol

__all__ = ["WSProtocol"]
__getattr__ = instead(__name__)
