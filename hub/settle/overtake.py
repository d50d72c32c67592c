"""A newer word about a unit was answered: older ones that nobody reported on need no answer any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.domain.delivery import Move, Status, advance
from hub.store import reports

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from hub.settle.status_changes import StatusChanges
    from hub.store.pool import Connection
    from hub.store.reports import LaneKey, Tracked


async def supersede_older(c: Connection, answered: Sequence[Tracked], entries: StatusChanges, now: datetime) -> None:
    """Mark as superseded what is older than an answered delivery of the same unit and still unreported.

    The lanes are locked already.
    """
    if not answered:
        return
    windows = _windows(answered)
    locked = await reports.lock_lanes(c, windows)
    still_open = await reports.read_window(
        c, {lane: (locked[lane].closed, high) for lane, high in windows.items() if lane in locked}
    )
    changed = list(superseded_by(answered, still_open, entries, now))
    if changed:
        await reports.write(c, changed)


def superseded_by(
    answered: Sequence[Tracked], still_open: Iterable[Tracked], entries: StatusChanges, now: datetime
) -> Iterable[Tracked]:
    """Move on the unreported deliveries that are older than an answered one of their unit."""
    newest: dict[object, int] = {}
    for t in answered:
        newest[t.unit] = max(t.sequence, newest.get(t.unit, 0))
    for t in still_open:
        if t.sequence >= newest.get((t.destination, t.mandate_id, t.branch), 0):
            continue
        after = advance(t.status, Move.OVERTAKEN, expects_report=t.expects_report)
        if isinstance(after, Status):
            entries.moved(t.key, t.status, after, at=now, expects_report=t.expects_report)
            t.status = after
            yield t


def _windows(answered: Iterable[Tracked]) -> dict[LaneKey, int]:
    highest: dict[LaneKey, int] = {}
    for t in answered:
        highest[t.lane] = max(t.sequence, highest.get(t.lane, 0))
    return highest
