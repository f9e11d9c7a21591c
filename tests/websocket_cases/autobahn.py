"""Autobahn's own suite against the WebSocket plugins, by hand: it needs Python 2.7, which no test can ask for.

    python2.7 -m virtualenv /tmp/autobahn && /tmp/autobahn/bin/pip install autobahntestsuite
    python -m tests.websocket_cases.autobahn /tmp/autobahn/bin/wstest [frames ...] [--case "9.*" ...]

Prints how the cases of each area ended, and names those that did not end as they should. Its reports are left in
`autobahn-reports`. About an hour for each plugin, most of it for areas 12 and 13, whose groups (`--case "13.1.*"`) can
be run one by one; what runs by itself is `test_websocket_cases.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from tests.websocket_cases.test_websocket_cases import app
from tricorn.testing import serve

PLUGINS = ("frames", "websockets", "wsproto")
REPORTS = Path("autobahn-reports").absolute()
FINE = {"OK", "INFORMATIONAL", "NON-STRICT"}
"""What is no failure. Informational: cases without a right answer. Not strict: right, but later than it could be."""


async def run(wstest: str, plugin: str, cases: list[str]) -> dict[str, dict[str, Any]]:
    """The results of one plugin: what Autobahn's index says of each case."""
    async with serve(app, ws=plugin, lifespan="off") as url:
        spec = {
            "outdir": str(REPORTS),
            "servers": [{"agent": plugin, "url": url.replace("http://", "ws://")}],
            "cases": cases,
            "exclude-cases": [],
            "exclude-agent-cases": {},
        }
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(spec, file)
            file.flush()
            arguments = ("-m", "fuzzingclient", "-s", file.name)
            process = await asyncio.create_subprocess_exec(wstest, *arguments, stdout=asyncio.subprocess.DEVNULL)
            if await process.wait():
                raise SystemExit(f"wstest failed with status {process.returncode}")
    results: dict[str, dict[str, Any]] = json.loads((REPORTS / "index.json").read_text())[plugin]
    return results


def summarize(results: dict[str, dict[str, Any]]) -> bool:
    """Print them by area; return whether all are fine."""
    areas: dict[int, Counter[str]] = {}
    for name, result in results.items():
        areas.setdefault(int(name.partition(".")[0]), Counter())[result["behavior"]] += 1
    for area, counts in sorted(areas.items()):
        print(f"{area:5}", ", ".join(f"{count} {behavior}" for behavior, count in counts.most_common()))
    wrong = {
        name: (result["behavior"], result["behaviorClose"])
        for name, result in results.items()
        if not {result["behavior"], result["behaviorClose"]} <= FINE
    }
    late = [name for name, result in results.items() if result["behavior"] == "NON-STRICT"]
    for name, behavior in wrong.items():
        print("      wrong:", name, *behavior)
    if late:
        print("      not strict:", *late)
    return not wrong


async def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wstest", help="the program of Autobahn's suite")
    parser.add_argument("plugins", nargs="*", default=PLUGINS)
    parser.add_argument("--case", action="append", help="a pattern of numbers, as 9.*; all by default")
    arguments = parser.parse_args()
    fine = True
    for plugin in arguments.plugins:
        results = await run(arguments.wstest, plugin, arguments.case or ["*"])
        print(f"{plugin}: {len(results)} cases")
        fine &= summarize(results)
    sys.exit(not fine)


if __name__ == "__main__":
    asyncio.run(main())
