"""Writes the figures of a run into the README. `python -m tests.bench.readme FILE`: the JSON that `make bench` kept."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from tests.bench.figures import ROOT
from tests.bench.report import read_shown

if TYPE_CHECKING:
    from collections.abc import Mapping

START: Final = "<!-- bench: python -m tests.bench.readme writes what follows -->\n"
END: Final = "<!-- bench ends -->\n"
ROWS: Final = (
    ("changes to webhooks, sustained, and CPU seconds per 1,000",
     (("webhooks", "deliveries settled"), ("webhooks", "CPU s per 1,000"))),
    ("changes to a queue of DUO, sustained, and CPU seconds per 1,000",
     (("queue", "deliveries settled"), ("queue", "CPU s per 1,000"))),
    (
        "commit to webhook at 5, 50 and 200 per second, p95",
        tuple(("latency", f"{pace}/s: commit to webhook, p95") for pace in (5, 50, 200)),
    ),
    ("a call until its answer, one caller, p50 and p95",
     (("way-in", "1 caller: answer, p50"), ("way-in", "1 caller: answer, p95"))),
    ("calls answered and delivered, 16 callers", (("way-in", "16 callers: calls answered and delivered"),)),
    ("45,000 mandates, from the import's start to the last webhook", (("national", "start to last webhook"),)),
    ("ten hot schools, and messages out of order",
     (("hot-schools", "deliveries settled"), ("hot-schools", "inversions"))),
    ("19 receivers beside a dead one, p99 (with all 20 well)",
     (("dead-receiver", "1 of 20 dead: the other 19, p99"), ("dead-receiver", "all 20 well: the other 19, p99"))),
    ("the same job without any ledger: bare aiokafka and our client, and our share of that",
     (("bare", "messages taken"), ("ratios", "the hub's rate to that of bare"))),
    ("FastStream, one message at a time, and how many times faster the hub is",
     (("one-by-one", "messages taken"), ("ratios", "the hub's rate to that of one-by-one"))),
    ("procrastinate with a task per message, and how many times faster the hub is",
     (("task-queue", "messages taken"), ("ratios", "the hub's rate to that of task-queue"))),
    ("what the receiver of all this takes by itself", (("receiver", "the receiver takes at least"),)),
)  # fmt: skip
"""What a row says, and the figures of it."""


def table(found: Mapping[str, Any]) -> str:
    """Return the table, and the machine on which it was measured; what was not measured is left out."""
    shown = read_shown(found)
    lines = ["| what | measured |", "|---|---|"]
    for words, figures in ROWS:
        if values := [shown[key] for key in figures if key in shown]:
            lines.append(f"| {words} | {' · '.join(values)} |")
    machine = found["machine"]
    told = f"{machine['cores']} cores of {machine['processor']}, {machine['memory']}, Python {machine['python']}"
    return "\n".join(
        (*lines, "", f"`make bench` on {told}, {found['at'][:10]}, fsync on, all of it on that machine.", "")
    )


def main(file: Path, readme: Path) -> None:
    """Replace the figures in the README."""
    before, _, rest = readme.read_text().partition(START)
    _, _, after = rest.partition(END)
    readme.write_text(before + START + table(orjson.loads(file.read_bytes())) + END + after)


if __name__ == "__main__":
    main(Path(sys.argv[1]), ROOT / "README.md")
