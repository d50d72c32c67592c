"""A receiver that follows the contract's rules only. In: messages as they arrive. Out: the units that it holds.

It drops repeats by id, ignores a version not above the one that it holds for (mandate, branch), and forgets nothing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hub.store.pool import Connection

    Unit = tuple[str, str]
    Held = dict[Unit, tuple[int, bool]]

NEWEST = """
select distinct on (e.mandate_id, u.branch) e.mandate_id::text as mandate, u.branch, e.mandate_version as version,
       u.type in ('withdrawn', 'expired') as is_over
  from events e join mandates m on m.id = e.mandate_id
 cross join lateral jsonb_to_recordset(e.units) u (branch text, type text)
 where m.service_code = $1 and ($2 or u.type not in ('started', 'expired'))
 order by e.mandate_id, u.branch, e.number desc
"""


@dataclass
class ReceiverModel:
    """The units that one receiver holds, and its counts."""

    seen: set[str] = field(default_factory=set)
    units: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    repeats: int = 0
    ignored: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    epochs: list[int] = field(default_factory=list)
    _highest: dict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))

    def take(self, events: Iterable[dict[str, Any]]) -> None:
        """Apply messages as they arrive."""
        for event in events:
            if event["id"] in self.seen:
                self.repeats += 1
                continue
            self.seen.add(event["id"])
            self._look_for_gaps(event)
            unit = (event["data"]["mandateId"], event.get("branch", ""))
            if event["data"]["mandateVersion"] <= self.units.get(unit, {}).get("mandateVersion", 0):
                self.ignored.append(event["id"])
                continue
            self.units[unit] = {**event["data"], "type": event["type"]}

    def held(self) -> Held:
        """Return the version of each unit, and whether the unit has ended."""
        return {
            unit: (data["mandateVersion"], data["type"].split(".")[3] in ("withdrawn", "expired"))
            for unit, data in self.units.items()
        }

    def _look_for_gaps(self, event: dict[str, Any]) -> None:
        lane = (event["ledgerepoch"], event["partitionkey"])
        if event["ledgerepoch"] not in self.epochs:
            self.epochs.append(event["ledgerepoch"])
        if lane in self._highest and int(event.get("previoussequence", 0)) > self._highest[lane]:
            self.missed.append(event["id"])
        self._highest[lane] = max(self._highest[lane], int(event["sequence"]))


async def expected_state(c: Connection, service: str, *, calendar: bool) -> Held:
    """Return what a receiver of a service should hold by the database; `calendar`: it gets events of dates."""
    rows = await c.fetch(NEWEST, service, calendar)
    return {(row["mandate"], row["branch"]): (row["version"], row["is_over"]) for row in rows}
