"""uvicorn's module of this name."""

from tricorn.protocols.http import H11Protocol
from tricorn.protocols.stand_ins import instead

__all__ = ["H11Protocol"]
__getattr__ = instead(__name__)
