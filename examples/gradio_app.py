"""A Gradio interface: `tricorn --app-dir examples gradio_app:app`; needs gradio, which brings some 300 MB along.

`python examples/gradio_app.py URL` calls it as a client does, through Gradio's queue and its server-sent events.
"""

from __future__ import annotations

import sys

import gradio
from fastapi import FastAPI


def greet(name: str) -> str:
    """What the button does."""
    return f"Hello {name}, from Gradio"


interface = gradio.Interface(greet, inputs="text", outputs="text", api_name="greet")
app = gradio.mount_gradio_app(FastAPI(), interface, path="")

if __name__ == "__main__":
    from gradio_client import Client

    print(Client(sys.argv[1]).predict("tricorn", api_name="/greet"))
