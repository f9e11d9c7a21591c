"""uvicorn's module of this name: what it has is in `tricorn.supervisors`."""

from tricorn.supervisors import __getattr__ as __getattr__
