"""`make bench`: measure, print one table, keep it as JSON, and compare it with an earlier run.

`python -m tests.bench [SCENARIO ...] [--json FILE] [--compare FILE]`. Exits 1 when a scenario failed. Loader and
receiver run beside what is measured, and are not counted; the database and the broker are.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson
import uvloop
from rich.console import Console

from tests.bench import report
from tests.bench.catalogue import LONG, SCENARIOS
from tests.bench.figures import ROOT, document
from tests.bench.run import run

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH: Final = 120


def main(words: Sequence[str]) -> int:
    """Run what was asked for, and return the exit code."""
    asked = _read(words)
    if asked.list:
        print(
            "\n".join(f"{name:16}{(scenario.__doc__ or '').strip()}" for name, scenario in (SCENARIOS | LONG).items())
        )
        return 0
    earlier = report.read_earlier(orjson.loads(asked.compare.read_bytes())) if asked.compare else None
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    outcomes, servers = uvloop.run(run(asked.scenarios or list(SCENARIOS), console))
    found = document(outcomes, servers)
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    asked.json.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    console.print(report.make_table(found, earlier))
    console.print(f"kept in {asked.json}")
    return int(any(outcome.error for outcome in outcomes))


def _read(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure the hub on this machine.")
    parser.add_argument(
        "scenarios",
        nargs="*",
        choices=[[], *SCENARIOS, *LONG],
        metavar="SCENARIO",
        help=f"all but {', '.join(LONG)} by default",
    )
    parser.add_argument("--list", action="store_true", help="show the scenarios, and measure nothing")
    default = ROOT / "dist" / f"bench-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    parser.add_argument("--json", type=Path, default=default, metavar="FILE", help="where the figures are kept")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="figures of an earlier run to put beside these")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
