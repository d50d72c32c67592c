"""Changes at a steady rate. In: schools, a rate, seconds. Out: when each message was meant to start, and when it came.

Latency counts from the intended moment, so that a sender that is late makes the numbers worse, not better; what the
hub itself took counts from the commit.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.bench.world import Arrival, World

TICKS_PER_SECOND: Final = 100
"""Faster than this, several changes are recorded at one tick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Changes per second, for how many seconds."""

    rate: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """When a change was meant to be committed, and when it was."""

    intended: float
    committed: float


async def drip(world: World, brins: Sequence[str], pace: Pace) -> dict[tuple[str, int], Sent]:
    """Record changes of these schools in turn; return the moments by school and number in its lane."""
    per_tick = max(1, pace.rate // TICKS_PER_SECOND)
    counts = dict.fromkeys(brins, 0)
    rows = await world.c.fetch("select brin, counter from schools where brin = any($1)", list(brins))
    counts.update({row["brin"]: row["counter"] for row in rows})
    sent: dict[tuple[str, int], Sent] = {}
    began, clock = time.time(), time.monotonic()
    for tick in range(int(pace.rate * pace.seconds / per_tick)):
        due = tick * per_tick / pace.rate
        await asyncio.sleep(max(0.0, clock + due - time.monotonic()))
        chosen = [brins[(tick * per_tick + at) % len(brins)] for at in range(per_tick)]
        committed = await world.record(chosen, 1)
        for brin in chosen:
            counts[brin] += 1
            sent[brin, counts[brin]] = Sent(intended=began + due, committed=committed)
    return sent


def lags(sent: Mapping[tuple[str, int], Sent], got: Sequence[Arrival], *, since_commit: bool = False) -> list[float]:
    """Return the seconds from each intended moment, or from the commit, to the first arrival."""
    first: dict[tuple[str, int], float] = {}
    for one in got:
        first.setdefault((one.brin, one.number), one.at)
    return [
        at - (sent[key].committed if since_commit else sent[key].intended) for key, at in first.items() if key in sent
    ]
