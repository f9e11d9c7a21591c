"""`python -m uvicorn` under `tricorn exec`."""

from __future__ import annotations

from tricorn.cli import main

if __name__ == "__main__":
    main(prog_name="uvicorn")
