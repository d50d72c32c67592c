"""The numbers of the last hours. In: histograms per five minutes. Out: the lines of each chart, and sums per hour.

`drawing` draws them; the same numbers stand in a table under the charts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.clock import AMSTERDAM
from hub.console.drawing import Line
from hub.domain.lag import BOUNDS, percentile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from typing import Any

HOURS: Final = 6
BIN: Final = timedelta(minutes=5)
BINS: Final = HOURS * 12
PERCENTILE: Final = 0.95
KINDS: Final = ("duo", "las")
_NTHS: Final = range(BINS)
Buckets = list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartHour:
    """The numbers of one hour: how many were delivered, and the percentile of their transport, per kind."""

    at: datetime
    delivered: Mapping[str, int]
    seconds: Mapping[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Charts:
    """Throughput and lag of the last hours."""

    start: datetime
    end: datetime
    throughput: Sequence[Line]
    most: int
    lag: Sequence[Line]
    longest: float
    hours: Sequence[ChartHour]

    @property
    def labels(self) -> list[str]:
        """The times at which the five minutes begin, in Amsterdam."""
        return [f"{(self.start + BIN * nth).astimezone(AMSTERDAM):%H:%M}" for nth in _NTHS]

    @property
    def total(self) -> int:
        """How many messages were delivered in all."""
        return sum(n for hour in self.hours for n in hour.delivered.values())


def chart_start(now: datetime) -> datetime:
    """Return when the charts begin: whole five minutes, the running ones included."""
    end = now - timedelta(minutes=now.minute % 5, seconds=now.second, microseconds=now.microsecond) + BIN
    return end - BIN * BINS


def read_charts(rows: Sequence[Mapping[str, Any]], now: datetime) -> Charts:
    """Return the charts of the rows since `chart_start`."""
    start = chart_start(now)
    found: dict[tuple[str, int], Buckets] = {
        (row["kind"], int((row["at"] - start) / BIN)): list(row["buckets"]) for row in rows if row["hop"] == "transport"
    }
    counts = {key: sum(buckets) for key, buckets in found.items()}
    lags = {key: percentile(buckets, PERCENTILE) or 0.0 for key, buckets in found.items() if sum(buckets)}
    most, longest = max(counts.values(), default=0), max(lags.values(), default=0.0)
    return Charts(
        start=start,
        end=start + BIN * BINS,
        throughput=[Line(kind=kind, values=[counts.get((kind, n), 0) for n in _NTHS]) for kind in KINDS],
        most=most,
        lag=[Line(kind=kind, values=[lags.get((kind, n)) for n in _NTHS]) for kind in KINDS],
        longest=longest,
        hours=[_hour(start, found, nth) for nth in range(HOURS)],
    )


def _hour(start: datetime, found: Mapping[tuple[str, int], Buckets], nth: int) -> ChartHour:
    summed = {kind: _sum(found.get((kind, each)) for each in range(nth * 12, nth * 12 + 12)) for kind in KINDS}
    return ChartHour(
        at=start + timedelta(hours=nth),
        delivered={kind: sum(buckets) for kind, buckets in summed.items()},
        seconds={kind: percentile(buckets, PERCENTILE) for kind, buckets in summed.items()},
    )


def _sum(given: Iterable[Buckets | None]) -> Buckets:
    total = [0] * (len(BOUNDS) + 1)
    for buckets in given:
        if buckets is not None:
            total = [a + b for a, b in zip(total, buckets, strict=True)]
    return total
