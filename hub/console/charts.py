"""Charts of the last hours. In: histograms per five minutes. Out: per chart its series as points, without a script.

The template draws them as SVG; the same numbers stand in a table under each chart.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.domain.lag import BOUNDS, percentile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from typing import Any

HOURS: Final = 6
BIN: Final = timedelta(minutes=5)
BINS: Final = HOURS * 12
WIDTH: Final = 720.0
HEIGHT: Final = 100.0
PERCENTILE: Final = 0.95
KINDS: Final = ("duo", "las")
_NTHS: Final = range(BINS)
Buckets = list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line of a chart: its key, and its points as SVG writes them."""

    kind: str
    points: Sequence[str]
    """One `points` attribute for each stretch without a gap."""


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
    throughput: Sequence[Series]
    most: int
    lag: Sequence[Series]
    longest: float
    hours: Sequence[ChartHour]

    @property
    def total(self) -> int:
        """How many messages were delivered in all."""
        return sum(n for hour in self.hours for n in hour.delivered.values())


def chart_start(now: datetime) -> datetime:
    """Return when the charts begin: whole five minutes, the running ones included."""
    end = now - timedelta(minutes=now.minute % 5, seconds=now.second, microseconds=now.microsecond) + BIN
    return end - BIN * BINS


def draw(rows: Sequence[Mapping[str, Any]], now: datetime) -> Charts:
    """Draw the charts of the rows since `chart_start`."""
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
        throughput=[
            Series(kind=kind, points=_points([counts.get((kind, n), 0) if most else None for n in _NTHS], most))
            for kind in KINDS
        ],
        most=most,
        lag=[Series(kind=kind, points=_points([lags.get((kind, n)) for n in _NTHS], longest)) for kind in KINDS],
        longest=longest,
        hours=[_hour(start, found, nth) for nth in range(HOURS)],
    )


def _points(values: Sequence[float | None], highest: float) -> list[str]:
    """Return the stretches of a line; where there is no value, the line has a gap."""
    stretches: list[list[str]] = [[]]
    for nth, value in enumerate(values):
        if value is None:
            stretches.append([])
        else:
            x, share = (nth + 0.5) * WIDTH / BINS, value / max(highest, 1e-9)
            stretches[-1].append(f"{x:.1f},{(1 - share) * (HEIGHT - 4) + 2:.1f}")
    return [" ".join(_widened(stretch)) for stretch in stretches if stretch]


def _widened(stretch: list[str]) -> list[str]:
    """Return a stretch that can be seen: a single point becomes a short line."""
    if len(stretch) > 1:
        return stretch
    x, y = stretch[0].split(",")
    return [f"{float(x) - 4:.1f},{y}", f"{float(x) + 4:.1f},{y}"]


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
