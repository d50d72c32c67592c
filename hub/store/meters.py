"""Measurements of processes. In: seconds per hop and counts, in memory. Out: rows, updated once a second.

Each process writes rows of its own, one per minute for histograms. Old minutes, and the rows of processes that are long
gone, are folded together; readers sum all rows.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import structlog

from hub.domain.durations import mark_of
from hub.domain.lag import BOUNDS, bucket_of
from hub.domain.objective import Objective
from hub.store import objectives
from hub.store.pool import DATABASE_ERRORS
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.domain.lag import Hop
    from hub.processes.heartbeat import Heartbeat
    from hub.store.pool import Connection, Pool

FLUSH_SECONDS: Final = 1.0
MOST_KEPT: Final = 1000
"""Durations of one hop that are kept one by one."""
OBJECTIVE: Final = "objective"
"""The counter of measurements that met their objective (`met`) or did not (`missed`)."""
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Histogram:
    """Counts per bucket and per mark, with the sum and number of durations."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0
    n: int = 0
    marks: Counter[int] = field(default_factory=Counter)

    def add(self, durations: Sequence[float]) -> None:
        """Add durations, all at once: a thousand of them cost a quarter of a thousand calls."""
        for bucket, n in Counter(map(bucket_of, durations)).items():
            self.buckets[bucket] += n
        self.seconds += sum(durations)
        self.n += len(durations)
        self.marks.update(map(mark_of, durations))

    def merge(self, other: Histogram) -> None:
        """Add another histogram."""
        self.buckets = [mine + theirs for mine, theirs in zip(self.buckets, other.buckets, strict=True)]
        self.seconds += other.seconds
        self.n += other.n
        self.marks.update(other.marks)


@dataclass(slots=True)
class Durations:
    """The durations of one hop: the last ones as they came, those before as a histogram."""

    histogram: Histogram = field(default_factory=Histogram)
    last: list[float] = field(default_factory=list)

    def add(self, seconds: float) -> None:
        """Add one duration."""
        self.last.append(seconds)
        if len(self.last) >= MOST_KEPT:
            self.fold()

    def fold(self) -> Histogram:
        """Return the histogram with all of them in it."""
        self.histogram.add(self.last)
        self.last.clear()
        return self.histogram


class Meters:
    """The measurements of one process since its last flush; `objective` is that of the settings."""

    def __init__(self, objective: Objective = Objective()) -> None:  # noqa: B008 - it is frozen
        self._hops: defaultdict[tuple[int, Hop], Durations] = defaultdict(Durations)
        self._counts: Counter[tuple[str, int, str]] = Counter()
        self._objective = objective
        self._own: Mapping[int, Objective] = {}
        self._judged: Counter[tuple[int, bool]] = Counter()

    def observe(self, destination: int, hop: Hop, seconds: float) -> None:
        """Record the duration of a hop, and whether it met the objective of its destination."""
        self._hops[destination, hop].add(max(0.0, seconds))
        limit = self._own.get(destination, self._objective).limit(hop)
        if limit is not None:
            self._judged[destination, seconds <= limit] += 1

    def count(self, name: str, destination: int, label: str, n: int = 1) -> None:
        """Add to a counter, by destination (0: none) and label."""
        self._counts[name, destination, label] += n

    async def flush(self, c: Connection, process: int) -> None:
        """Add the measurements to this process's rows; a failed flush is repeated with the next."""
        hops = {key: durations.fold() for key, durations in self._hops.items()}
        self._hops.clear()
        counts, self._counts = self._counts, Counter()
        judged, self._judged = self._judged, Counter()
        try:
            async with c.transaction():
                if hops:
                    await _add_hops(c, process, hops)
                if counts or judged:
                    await _add_counts(c, process, counts + _judged_counts(judged))
                if judged:
                    await objectives.add_counts(c, process, judged)
                    self._own = await objectives.own_objectives(c)
        except BaseException:
            self._restore(hops, counts)
            self._judged.update(judged)
            raise

    async def flush_forever(self, pool: Pool, heartbeat: Heartbeat) -> None:
        """Flush once a second until cancelled, and once more then."""
        try:
            while True:
                await asyncio.sleep(FLUSH_SECONDS)
                await self._try_flush(pool, heartbeat)
        finally:
            await self._try_flush(pool, heartbeat)

    async def _try_flush(self, pool: Pool, heartbeat: Heartbeat) -> None:
        try:
            async with pool.acquire() as c:
                await self.flush(c, heartbeat.process)
        except DATABASE_ERRORS as error:
            log.warning("meters.kept", error=str(error), next="written with the next flush")

    def _restore(self, hops: Mapping[tuple[int, Hop], Histogram], counts: Counter[tuple[str, int, str]]) -> None:
        for key, histogram in hops.items():
            self._hops[key].histogram.merge(histogram)
        self._counts.update(counts)


async def fold(c: Connection) -> None:
    """Fold old minutes, and the rows of processes that are long gone, into those of process 0.

    Sums stay the same. Without anything to fold this costs one cheap query; of several callers at once one folds.
    """
    if not await queries.has_foldable_rows(c):
        return
    async with c.transaction():
        if await queries.claim_folding(c):
            await queries.fold_hops(c)
            await queries.delete_old_hop_history(c)
            await queries.fold_objective_counts(c)
            await queries.fold_hops_of_ended(c)
            await queries.fold_counters_of_ended(c)
            await queries.fold_tallies_of_ended(c)


def _judged_counts(judged: Mapping[tuple[int, bool], int]) -> Counter[tuple[str, int, str]]:
    return Counter({(OBJECTIVE, to, "met" if met else "missed"): n for (to, met), n in judged.items()})


async def _add_hops(c: Connection, process: int, hops: Mapping[tuple[int, Hop], Histogram]) -> None:
    keys = sorted(hops)
    marks = [(place, mark, n) for place, key in enumerate(keys, start=1) for mark, n in hops[key].marks.items()]
    await queries.add_hops(
        c,
        process=process,
        width=len(BOUNDS) + 1,
        destinations=[destination for destination, _ in keys],
        hops=[hop for _, hop in keys],
        buckets=[n for key in keys for n in hops[key].buckets],
        seconds=[hops[key].seconds for key in keys],
        ns=[hops[key].n for key in keys],
        places=[place for place, _, _ in marks],
        marks=[mark for _, mark, _ in marks],
        mark_counts=[n for _, _, n in marks],
    )


async def _add_counts(c: Connection, process: int, counts: Counter[tuple[str, int, str]]) -> None:
    keys = sorted(counts)
    await queries.add_counters(
        c,
        process=process,
        names=[name for name, _, _ in keys],
        destinations=[destination for _, destination, _ in keys],
        labels=[label for _, _, label in keys],
        ns=[counts[key] for key in keys],
    )
