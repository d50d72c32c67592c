"""Leave out what retention has removed. In: events of the log. Out: those to record again, and a count of the rest.

A mandate that retention removed stays on the log for ever, and is not recorded again: no receiver gets a message
of years ago again. A log that was filled again from the database lacks it too, and shows it: `previoussequence` of an
event names the number before it that was kept then.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from hub.clock import today
from hub.domain.mandate import OVER
from schemas.kinds import MandateState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from uuid import UUID

    from hub.recovery.log_entries import LoggedEvent
    from hub.recovery.rebuild import Obstacles


def split_aged_out(events: Sequence[LoggedEvent], before: date) -> tuple[list[LoggedEvent], list[LoggedEvent]]:
    """Divide events in those to bring in, and those of mandates that were over before a day, whole.

    A school's newest event is brought in however old it is, with its mandate, and so is the end of the log: numbers
    and places go on from there.
    """
    mandates: dict[UUID, list[LoggedEvent]] = defaultdict(list)
    newest: dict[str, int] = {}
    for event in events:
        mandates[event.change.mandate_id].append(event)
        newest[event.entry.brin] = max(event.entry.number, newest.get(event.entry.brin, 0))
    end = max((event.entry.order for event in events), default=None)
    old = {
        mandate
        for mandate, own in mandates.items()
        if own[0].change.mandate_version == 1
        and _is_over(own[-1], before)
        and not any(event.entry.number == newest[event.entry.brin] or event.entry.order == end for event in own)
    }
    kept = [event for event in events if event.change.mandate_id not in old]
    return kept, [event for event in events if event.change.mandate_id in old]


def _is_over(last: LoggedEvent, before: date) -> bool:
    change = last.change
    if change.state not in OVER:
        return False
    over = today(change.recorded_at) if change.state is MandateState.WITHDRAWN else change.end_date
    return over is not None and over < before


def count_aged_out(events: Sequence[LoggedEvent], counters: Mapping[str, int], obstacles: Obstacles) -> Counter[str]:
    """Count, per school, numbers that the log leaves out because they were not kept; any other gap is an obstacle.

    Numbers go on where the database's end, `counters`.
    """
    reached: dict[str, int] = {}
    gaps: Counter[str] = Counter()
    for event in events:
        entry = event.entry
        known = reached.get(entry.brin, min(counters.get(entry.brin, 0), entry.number - 1))
        if entry.previous > known:
            obstacles.add(entry, "the event before it is neither on the log nor in the database")
        else:
            gaps[entry.brin] += entry.number - known - 1
        reached[entry.brin] = entry.number
    return gaps
