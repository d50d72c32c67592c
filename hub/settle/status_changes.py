"""The bookkeeping of a settle: tallies and the outbox, in the transaction of what they speak of."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hub.domain.delivery import ANSWERED, CLOSED, Status
from hub.store import lanes, tallies
from schemas.cloudevents import write_time

if TYPE_CHECKING:
    from datetime import datetime

    from hub.envelopes import StatusChange
    from hub.store.pool import Connection

PUBLISHED_STATUSES: Final = ANSWERED | CLOSED | {Status.DELIVERED}


@dataclass(slots=True)
class StatusChanges:
    """Moves of deliveries that one transaction makes, collected and written once."""

    tally: Counter[tuple[int, Status, bool]] = field(default_factory=Counter)
    changes: list[StatusChange] = field(default_factory=list)

    def moved(
        self,
        key: tuple[int, str, int],
        before: Status,
        after: Status,
        *,
        at: datetime,
        expects_report: bool,
        reason: str | None = None,
    ) -> None:
        """Note a move; the ends of transport and of processing are published."""
        if before is after:
            return
        self.tally[key[0], before, expects_report] -= 1
        self.tally[key[0], after, expects_report] += 1
        if after in PUBLISHED_STATUSES:
            self.changes.append((*key, before.value, after.value, write_time(at), reason))

    async def write(self, c: Connection, process: int) -> None:
        """Write what was noted; the last statements of the transaction."""
        deltas = {key: n for key, n in self.tally.items() if n}
        if deltas:
            await tallies.add(c, process, deltas)
        if self.changes:
            await lanes.write_changes(c, self.changes)
