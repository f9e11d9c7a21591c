"""Measures tricorn side by side with other ASGI servers: `python -m benchmarks --help`."""
