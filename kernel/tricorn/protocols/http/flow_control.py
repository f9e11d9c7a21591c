"""uvicorn's module of this name."""

from tricorn.protocols.stand_ins import instead

__getattr__ = instead(__name__)
