"""Lag arithmetic. In: moments and histograms. Out: seconds per hop, percentiles.

A delivery passes four hops: `publish` (recorded, on the log), `plan` (in its lane), `transport` (taken by the queue or
the webhook) and `processing` (the receiver said what it did with it).
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

Hop = Literal["publish", "plan", "transport", "processing"]
HOPS: Final[tuple[Hop, ...]] = get_args(Hop)

BOUNDS: Final = (
    0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5,
    1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 28800.0, 86400.0, 259200.0, 604800.0,
)  # fmt: skip
"""The highest seconds that each bucket of a histogram holds; one bucket more takes what lies above them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """The moments of a delivery's hops; None for what has not happened.

    `recorded_at` is None for a replay: the age of its event does not measure lag.
    """

    recorded_at: datetime | None
    published_at: datetime | None
    planned_at: datetime
    delivered_at: datetime | None
    processed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HopSeconds:
    """Seconds of each hop; None while unknown."""

    publish: float | None
    plan: float | None
    transport: float | None
    processing: float | None


def hop_seconds(start: datetime, end: datetime) -> float:
    """Return the seconds of a hop; 0 where two machines' clocks disagree."""
    return max((end - start).total_seconds(), 0.0)


def measure(moments: Moments) -> HopSeconds:
    """Return the seconds of a delivery's four hops."""
    recorded, published = moments.recorded_at, moments.published_at
    return HopSeconds(
        publish=_between(recorded, published if recorded else None),
        plan=_between((published or recorded) if recorded else None, moments.planned_at),
        transport=_between(moments.planned_at, moments.delivered_at),
        processing=_between(moments.delivered_at, moments.processed_at),
    )


def bucket_of(seconds: float) -> int:
    """Return the index of the histogram bucket for a duration."""
    return bisect_left(BOUNDS, seconds)


def percentile(buckets: Sequence[int], share: float) -> float | None:
    """Estimate the seconds below which a share (0 to 1) of a histogram lies: evenly spread inside each bucket.

    What lies above the last bound counts as the last bound; None for an empty histogram.
    """
    total = sum(buckets)
    if not total:
        return None
    rank, below = share * total, 0
    for index, n in enumerate(buckets):
        if n and below + n >= rank:
            low = BOUNDS[index - 1] if index else 0.0
            high = BOUNDS[index] if index < len(BOUNDS) else low
            return low + (high - low) * max(rank - below, 0.0) / n
        below += n
    return BOUNDS[-1]


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else hop_seconds(start, end)
