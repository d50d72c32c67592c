"""Every point at which a process may die between two of its steps, and the table of the results.

In: the names that the code gives to `faults.here`. Out: cases for the crash matrix, and `deploy/crash-matrix.md`.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT: Final = Path(__file__).parents[3]
TABLE: Final = ROOT / "deploy" / "crash-matrix.md"

OUTBOX, CHANGES = "exists (select from event_outbox)", "exists (select from change_outbox)"
DATES = "exists (select from mandates where next_date <= (now() at time zone 'Europe/Amsterdam')::date)"
UNPLANNED = """exists (select from schools s left join planning_progress p using (brin)
                 where s.counter > coalesce(p.planned_through, 0))"""
RUNNING = "exists (select from bulk_jobs where state = 'running')"
UNTOUCHED = """exists (select from bulk_jobs a where a.state = 'running'
                          and not exists (select from deliveries d where d.cause = a.id))"""
LEASED = "exists (select from lanes where owner is not null)"
WAITING = "exists (select from lanes where tail > head)"
SENT = f"not {OUTBOX} and not {CHANGES} and not {UNPLANNED} and not {WAITING}"
UNREPORTED = "exists (select from deliveries where expects_report and status = 'delivered')"


@dataclass(frozen=True, kw_only=True, slots=True)
class CrashPoint:
    """A point, how a process gets there, and what the test must observe.

    `stage` is the process that dies there at its `nth` pass; `left` is then true in the database, and `came` says
    whether `watch` (a topic, or `webhook`) had a message by then. `first` is where another process dies before it.
    """

    name: str
    means: str
    stage: str
    watch: str
    came: bool
    left: str
    recovered: str
    service: str = "RIO"
    schools: int = 6
    nth: int = 1
    first: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What the run observed: the signal that killed the process, messages that never arrived, and repeats."""

    signal: int
    lost: int
    repeated: int


EVENT_OUTBOX, CHANGE_OUTBOX = (
    "the next relay reads the same outbox entries",
    "the next publisher reads the same outbox entries",
)
TAKEN_OVER = "another forwarder takes the lanes over, at once on this machine, elsewhere after 4 s"
HEADER = (
    "| Point | The process dies when | Signal | Lost | Arrives again | Recovered by |",
    "|---|---|---|---|---|---|",
)
FENCED = f"{TAKEN_OVER}, and repeats messages without a recorded outcome, under the same ids"
READ_AGAIN = "the record is read again, or the sweep of the next second plans it"

POINTS: Final = (
    CrashPoint(name="relay.sending", means="events read, nothing sent", stage="produce",
          watch="osr.mandates.v1", came=False, left=OUTBOX, recovered=EVENT_OUTBOX),
    CrashPoint(name="relay.sent", means="Kafka took them, the outbox entries are still there", stage="produce",
          watch="osr.mandates.v1", came=True, left=OUTBOX, recovered=f"{EVENT_OUTBOX}; readers drop repeats by id"),
    CrashPoint(name="relay.deleted", means="the outbox entries are deleted", stage="produce",
          watch="osr.mandates.v1", came=True, left=f"not {OUTBOX}", recovered="nothing was left to do"),
    CrashPoint(name="changes.sending", means="changes read, nothing sent", stage="produce",
          watch="osr.deliveries.v1", came=False, left=CHANGES, recovered=CHANGE_OUTBOX),
    CrashPoint(name="changes.sent", means="Kafka took them, the outbox entries are still there", stage="produce",
          watch="osr.deliveries.v1", came=True, left=CHANGES, recovered=CHANGE_OUTBOX),
    CrashPoint(name="changes.dropped", means="the outbox entries are deleted", stage="produce", schools=1,
          watch="osr.deliveries.v1", came=True, left=f"not {CHANGES}", recovered="nothing was left to do"),
    CrashPoint(name="calendar.writing", means="due events written, not committed", stage="produce", service="VVA",
          watch="webhook", came=False, left=DATES, recovered="the dates are due, the next calendar does the same"),
    CrashPoint(name="calendar.committed", means="due events committed, none notified", stage="produce", service="VVA",
          watch="webhook", came=False, left=f"not {DATES} and {OUTBOX}", recovered=EVENT_OUTBOX),
    CrashPoint(name="recover.reading", means="a part of the log read, nothing recorded", stage="recover",
          first="relay.sent", watch="osr.mandates.v1", came=True, left=OUTBOX, recovered="the command is run again"),
    CrashPoint(name="recover.recording", means="events recorded, their positions and the epoch not", stage="recover",
          first="relay.sent", watch="osr.mandates.v1", came=True, left=OUTBOX, recovered="the command is run again"),
    CrashPoint(name="recover.writing", means="what the log has is recorded, not committed", stage="recover",
          first="relay.sent", watch="osr.mandates.v1", came=True, left=OUTBOX, recovered="the command is run again"),
    CrashPoint(name="recover.committed", means="what the log has is recorded, none notified", stage="recover",
          first="relay.sent", watch="osr.mandates.v1", came=True, left=f"not {OUTBOX}",
          recovered="run again, the command finds nothing to do"),
    CrashPoint(name="plan.writing", means="deliveries written, not committed", stage="plan",
          watch="duo.rio.v1", came=False, left=UNPLANNED, recovered=READ_AGAIN),
    CrashPoint(name="plan.committed", means="deliveries committed, none notified, offsets open",
          stage="plan", schools=1,
          watch="duo.rio.v1", came=True, left=f"not {UNPLANNED}", recovered="a second record finds nothing new"),
    CrashPoint(name="plan.offsets", means="planned, offsets open", stage="plan", schools=1,
          watch="duo.rio.v1", came=True, left=f"not {UNPLANNED}", recovered="a second record finds nothing new"),
    CrashPoint(name="bulk.writing", means="a portion of a replay appended, not committed", stage="plan", schools=1,
          watch="duo.rio.v1", came=False, left=UNTOUCHED, recovered="the next planner does the same portion"),
    CrashPoint(name="bulk.committed", means="a portion of a replay committed, none notified", stage="plan", schools=1,
          watch="duo.rio.v1", came=True, left=f"not {UNTOUCHED}", recovered="the next planner goes on behind it"),
    CrashPoint(name="forward.leased", means="lanes leased and read, nothing written", stage="forward",
          watch="duo.rio.v1", came=False, left=LEASED, recovered=TAKEN_OVER),
    CrashPoint(name="forward.settling", means="outcomes known, nothing written", stage="forward",
          watch="duo.rio.v1", came=True, left=LEASED, recovered=FENCED),
    CrashPoint(name="forward.settled", means="outcomes committed, none notified", stage="forward", schools=1,
          watch="duo.rio.v1", came=True, left=f"not {LEASED} and not {WAITING}", recovered="nothing was left to do"),
    CrashPoint(name="forward.rescuing", means="a dead forwarder's lanes freed, not committed", stage="forward",
          first="forward.leased", watch="duo.rio.v1", came=False, left=LEASED, recovered="the next one frees them"),
    CrashPoint(name="forward.rescued", means="a dead forwarder's lanes freed", stage="forward",
          first="forward.leased", watch="duo.rio.v1", came=False, left=f"not {LEASED} and {WAITING}",
          recovered="the lanes are due, the next forwarder leases them"),
    CrashPoint(name="duo.sending", means="messages written for DUO, nothing sent", stage="forward",
          watch="duo.rio.v1", came=False, left=LEASED, recovered=TAKEN_OVER),
    CrashPoint(name="duo.taken", means="DUO's broker took them", stage="forward",
          watch="duo.rio.v1", came=True, left=LEASED, recovered=FENCED),
    CrashPoint(name="duo.recorded", means="taken, not passed to the batch completer", stage="forward",
          watch="duo.rio.v1", came=True, left=LEASED, recovered=FENCED),
    CrashPoint(name="las.posting", means="a message written for a LAS, nothing sent", stage="forward", service="VVA",
          watch="webhook", came=False, left=LEASED, recovered=TAKEN_OVER),
    CrashPoint(name="las.answered", means="the LAS took the second of three messages", stage="forward", service="VVA",
          schools=1, nth=2, watch="webhook", came=True, left=LEASED, recovered=FENCED),
    CrashPoint(name="las.recorded", means="taken, not passed to the batch completer", stage="forward", service="VVA",
          watch="webhook", came=True, left=LEASED, recovered=FENCED),
    CrashPoint(name="reports.writing", means="reports applied, not committed", stage="reports",
          watch="reports", came=False, left=UNREPORTED, recovered="the offsets are open: the same batch is read again"),
    CrashPoint(name="reports.committed", means="reports committed, offsets open", schools=1,
        stage="reports",
          watch="reports", came=True, left=f"not {UNREPORTED}",
          recovered="the batch is read again; a report already known changes nothing"),
    CrashPoint(name="reports.read", means="offsets committed", schools=1,
        stage="reports",
          watch="reports", came=True, left=f"not {UNREPORTED}", recovered="nothing was left to do"),
)  # fmt: skip


def points_in_code() -> Iterator[str]:
    """Yield every point that the code of the hub names."""
    for folder in ("consumers", "hub", "producers"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "faults.here":
                    yield str(ast.literal_eval(node.args[0]))


def write_table(seen: Mapping[str, Outcome]) -> str:
    """Return the table of a run, point by point; the same run returns the same text."""
    lines = [
        "# What is left when a process dies",
        "",
        "Written by `tests/chaos/test_crash_matrix.py` from what it saw. Each process ran by its console command, was",
        "killed with signal 9 exactly at the point, and was started again. Then every message had arrived, each lane",
        "in order, every repeat under the same id, and the ledger check found nothing.",
    ]
    for stage, points in groupby(POINTS, key=lambda point: point.stage):
        lines += ["", f"## {stage}", "", *HEADER]
        lines += [_row(point, seen[point.name]) for point in points]
    return "\n".join(lines) + "\n"


def _row(point: CrashPoint, outcome: Outcome) -> str:
    lost = str(outcome.lost) if outcome.lost else "nothing"
    again = "what was in flight" if outcome.repeated else "nothing"
    cells = (f"`{point.name}`", point.means, str(outcome.signal), lost, again, point.recovered)
    return f"| {' | '.join(cells)} |"
