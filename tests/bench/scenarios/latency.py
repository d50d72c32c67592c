"""An idle hub: from the commit of one change, and from the moment that was intended for it, to its webhook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.bench.figures import Figure, latencies
from tests.bench.paced import Pace, drip, lags

if TYPE_CHECKING:
    from tests.bench.world import World

SCHOOLS: Final = 500
PACES: Final = (Pace(rate=5, seconds=10), Pace(rate=50, seconds=6), Pace(rate=200, seconds=6))
HOPS: Final = """
select percentile_cont(0.5) within group (order by extract(epoch from published_at - recorded_at) * 1000) as publish,
       percentile_cont(0.5) within group (order by extract(epoch from planned_at - published_at) * 1000) as plan,
       percentile_cont(0.5) within group (order by extract(epoch from delivered_at - planned_at) * 1000) as transport
  from (select d.*, e.recorded_at from deliveries d join events e on e.brin = d.brin and e.number = d.event_number
         where d.brin = any($1) order by d.planned_at desc limit $2) last
"""


async def latency(world: World) -> list[Figure]:
    """Single changes, at a steady rate, of schools in turn."""
    brins = await world.add_schools(SCHOOLS)
    oins = await world.add_systems(1, ["VVA"])
    await world.subscribe(oins[0], "/ok/latency")
    await world.start_lanes(brins, "VVA", oins)
    figures: list[Figure] = []
    for pace in PACES:
        sent = await drip(world, brins, pace)
        got = await world.until_arrived(len(sent))
        figures += latencies(f"{pace.rate}/s: commit to webhook", lags(sent, got, since_commit=True))
        figures += latencies(f"{pace.rate}/s: intended moment to webhook", lags(sent, got))
        hops = await world.c.fetchrow(HOPS, brins, len(sent))
        figures += [Figure(what=f"{pace.rate}/s: {hop}, p50", value=ms, unit="ms") for hop, ms in (hops or {}).items()]
    return figures
