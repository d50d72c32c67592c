"""What the overview shows. In: the database. Out: what is late first, the rest, the charts, and who presses what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hub.console.charts import Charts, chart_start, read_charts
from hub.console.operations import read_lag
from hub.console.visit import Visit
from hub.domain.bulk import BulkKind, BulkState
from hub.observe.lag import DestinationLag, Lag
from hub.store import bulk, observe, operations
from hub.store.bulk import BulkJob
from hub.store.operations import AuditRecord, Hold
from hub.store.pool import Connection

RECENT_ACTS: Final = 5
MAX_JOBS: Final = 20
OPERATORS_ACTIONS: Final = ("destination", "delivery", "replay", "cancellation", "parked")
_URGENT: Final = ("refused", "hub", "receiver_down", "receiver_slow", "held", "no_receiver", "back_office", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All of the overview that changes by itself."""

    lag: Lag
    late: Sequence[DestinationLag]
    calm: Sequence[DestinationLag]
    charts: Charts
    jobs: Sequence[BulkJob]
    """Bulk jobs that run or wait for a second person."""
    holds: Mapping[str, Hold]
    """Who holds a destination as a whole, by its name."""
    acts: Sequence[AuditRecord]

    @property
    def names(self) -> dict[str, str]:
        """The names of destinations for people."""
        return {each.destination.name: each.destination.shown_as for each in self.lag.destinations}

    @property
    def rejected(self) -> int:
        """How many deliveries their receivers rejected or declined."""
        return sum(n for each in self.lag.destinations for status, n in each.statuses.items() if status in _REFUSED)

    @property
    def dead(self) -> int:
        """How many deliveries were given up."""
        return sum(each.standing.dead for each in self.lag.destinations)

    @property
    def open_circuits(self) -> list[DestinationLag]:
        """Destinations that are not sent to as usual."""
        return [each for each in self.lag.destinations if each.destination.circuit != "closed"]


_REFUSED: Final = ("rejected", "declined")


async def read_overview(here: Visit) -> Overview:
    """Read the overview."""
    lag = await read_lag(here)
    late = sorted(lag.destinations, key=_urgency)
    async with here.app.open_pool.acquire() as c:
        rows = await observe.hop_history(c, chart_start(here.at.now))
        jobs = [job for kind in BulkKind for job in await bulk.list_jobs(c, kind, None, MAX_JOBS)]
        holds = {each.destination.name: await _hold(c, each) for each in late if each.destination.is_held_by_operator}
        acts = await operations.recent_acts(c, OPERATORS_ACTIONS, RECENT_ACTS)
    return Overview(
        lag=lag,
        late=[each for each in late if not is_calm(each)],
        calm=[each for each in late if is_calm(each)],
        charts=read_charts(rows, lag.at),
        jobs=[job for job in jobs if job.state in (BulkState.RUNNING, BulkState.AWAITING_APPROVAL)],
        holds={name: hold for name, hold in holds.items() if hold is not None},
        acts=acts,
    )


async def _hold(c: Connection, each: DestinationLag) -> Hold | None:
    """Return who holds a destination as a whole; its hold is listed before those of its schools."""
    found = await operations.list_holds(c, each.destination.id, 1)
    return next((hold for hold in found if not hold.brin), None)


def is_calm(each: DestinationLag) -> bool:
    """Return whether nothing at a destination asks for anybody."""
    return each.cause.value == "none" and not each.standing.dead


def _urgency(each: DestinationLag) -> tuple[int, float]:
    oldest = max(each.standing.oldest_undelivered or 0.0, each.standing.oldest_unprocessed or 0.0)
    return (len(_URGENT) if is_calm(each) else _URGENT.index(each.cause.value), -oldest)
