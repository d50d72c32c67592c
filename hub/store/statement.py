"""The statement of a month. In: ranges of ids, which carry the time of their change. Out: sums per destination.

A month is read in parts, so that no statement takes long however many messages it had; the sums of parts add up.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from math import ceil
from typing import TYPE_CHECKING, Final

from hub.store import observe
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from hub.domain.objective import Objective
    from hub.store.pool import Connection


@dataclass(slots=True)
class SecondsHistogram:
    """Seconds in bins one percent wide: how many each has, and the longest of them."""

    bins: dict[int, tuple[int, float]] = field(default_factory=dict)

    def add(self, nth: int, n: int, longest: float) -> None:
        """Add to a bin."""
        before, most = self.bins.get(nth, (0, 0.0))
        self.bins[nth] = before + n, max(most, longest)

    def merge(self, other: SecondsHistogram) -> None:
        """Add all bins of another."""
        for nth, (n, longest) in other.bins.items():
            self.add(nth, n, longest)

    def percentile(self, share: float) -> float | None:
        """Return the seconds within which this share was, at most one percent too many; None without any."""
        rank = max(1, ceil(share * sum(n for n, _ in self.bins.values())))
        for _, (n, longest) in sorted(self.bins.items()):
            rank -= n
            if rank <= 0:
                return longest
        return None


@dataclass(slots=True, kw_only=True)
class DeliverySums:
    """What became of deliveries, and how long each party took."""

    messages: int = 0
    repeats: int = 0
    taken: int = 0
    open: int = 0
    dead: int = 0
    cancelled: int = 0
    failed_attempts: int = 0
    refused_attempts: int = 0
    attempted: int = 0
    attempted_in_time: int = 0
    taken_in_time: int = 0
    expected: int = 0
    reported: int = 0
    reported_in_time: int = 0
    rejected: int = 0
    with_signal: int = 0
    in_progress: int = 0
    hub: SecondsHistogram = field(default_factory=SecondsHistogram)
    receiver: SecondsHistogram = field(default_factory=SecondsHistogram)
    processing: SecondsHistogram = field(default_factory=SecondsHistogram)

    def merge(self, other: DeliverySums) -> None:
        """Add the sums of others."""
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in PARTIES:
            getattr(self, name).merge(getattr(other, name))


PARTIES: Final = ("hub", "receiver", "processing")
"""The histograms, as the statement numbers them."""
COUNTS: Final = tuple(each.name for each in fields(DeliverySums) if each.name not in PARTIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolSteps:
    """How many steps schools did in their systems, and p50 and p99 of the seconds that they took."""

    done: int = 0
    seconds: Sequence[float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherSums:
    """For how many seconds of a period each destination was away, cut off or held; and the steps of schools."""

    unavailable: Mapping[int, float]
    outages: Mapping[tuple[int, str], float]
    steps: SchoolSteps


async def read_part(c: Connection, ids: tuple[UUID, UUID], objective: Objective) -> dict[int, DeliverySums]:
    """Read the sums of the changes with ids in a range, per destination.

    `objective` is that of destinations without one of their own. The caller owns the transaction, in which whole tables
    may be scanned from here on.
    """
    await observe.allow_table_scans(c)
    rows = await queries.read_statement_part(
        c, low=ids[0], high=ids[1], transport=objective.transport_seconds, processing=objective.processing_seconds
    )
    found: dict[int, DeliverySums] = {}
    for row in rows:
        sums = found.setdefault(row["destination"], DeliverySums(**{name: row[name] for name in COUNTS}))
        if row["party"] is not None:
            histogram: SecondsHistogram = getattr(sums, PARTIES[row["party"]])
            for nth, n, longest in zip(row["bins"], row["numbers"], row["longest"], strict=True):
                histogram.add(nth, n, longest)
    return found


async def read_others(c: Connection, ids: tuple[UUID, UUID], period: tuple[datetime, datetime]) -> OtherSums:
    """Read what is counted over the whole of a period."""
    (low, high), (since, until) = ids, period
    away = await queries.read_unavailable_seconds(c, low=low, high=high, since=since, until=until)
    outages = await queries.read_outage_seconds(c, since=since, until=until)
    steps = await queries.read_school_steps(c, low=low, high=high)
    return OtherSums(
        unavailable={row["destination"]: row["seconds"] for row in away},
        outages={(row["destination"], row["kind"]): row["seconds"] for row in outages},
        steps=SchoolSteps(done=steps["done"], seconds=_pair(steps["seconds"])),
    )


def _pair(seconds: Sequence[float | None] | None) -> Sequence[float] | None:
    found = [each for each in seconds or () if each is not None]
    return found or None
