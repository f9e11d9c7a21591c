"""Who listens on a port, as far as the system tells: Linux does, in its process file system."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

_LISTENING = "0A"


def describe_holder(port: int) -> str:
    """`python (pid 4711, "uvicorn main:app", since 14:02)`, or nothing where that cannot be found out."""
    inodes = _inodes(port)
    for path in Path("/proc").glob("[0-9]*/fd/*") if inodes else ():
        try:
            if os.readlink(path) in inodes:
                return _describe(int(path.parts[2]))
        except OSError:
            continue  # it has ended meanwhile, or is somebody else's
    return ""


def _inodes(port: int) -> set[str]:
    """What a descriptor of a listening socket on this port reads as a link."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as file:
                rows = [line.split() for line in file][1:]
        except OSError:
            continue
        found |= {
            f"socket:[{row[9]}]" for row in rows if row[3] == _LISTENING and int(row[1].split(":")[1], 16) == port
        }
    return found


def _describe(pid: int) -> str:
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        words = [word.decode(errors="replace") for word in file.read().split(b"\0") if word]
    program = os.path.basename(words[0]) if words else "a process"
    command = " ".join(" ".join([program, *words[1:]]).split())[:80]
    since = datetime.fromtimestamp(os.stat(f"/proc/{pid}").st_mtime).astimezone()
    return f'{program} (pid {pid}, "{command}", since {since:%H:%M})'
