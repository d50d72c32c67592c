"""Receivers that are not well, and receivers of copies: what the others notice of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from tests.bench.figures import Figure, latencies, rate
from tests.bench.paced import Pace, drip, lags
from tests.bench.scenarios.sustained import race
from tests.bench.world import inversions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.world import Arrival, World

SYSTEMS: Final = 20
SCHOOLS_PER_SYSTEM: Final = 50
PACE: Final = Pace(rate=400, seconds=6)
SLOW_MS: Final = 200
SLOW_SCHOOLS: Final = 200
SLOW_EACH: Final = 4
COPIED_SCHOOLS: Final = 2000
COPIED_EACH: Final = 5


async def dead_receiver(world: World) -> list[Figure]:
    """A steady load on 20 receivers: all well, and then one that takes connections and never answers."""
    figures = []
    for name, first in (("all 20 well", "/ok/alive"), ("1 of 20 dead", "/dead")):
        brins = await world.add_schools(SYSTEMS * SCHOOLS_PER_SYSTEM)
        oins = await world.add_systems(SYSTEMS, ["VVA"])
        for at, oin in enumerate(oins):
            await world.subscribe(oin, f"/ok/{oin}" if at else f"{first}/{oin}")
        well = [brin for at, brin in enumerate(brins) if at % SYSTEMS]
        await world.grant(brins, "VVA", oins)
        settled = await world.settled()
        await world.record(brins, 1)
        await world.until_settled(settled + len(well))
        await world.arrivals()
        sent = await drip(world, brins, PACE)
        others = {key: one for key, one in sent.items() if key[0] in set(well)}
        got = [one for one in await world.until_arrived(len(others)) if one.path.startswith("/ok")]
        figures += latencies(f"{name}: the other 19", lags(others, got))
    return figures


async def slow_receiver(world: World) -> list[Figure]:
    """One receiver that takes 200 ms for each message, beside one that answers at once."""
    slow, quick = await world.add_systems(2, ["VVA"])
    await world.subscribe(slow, f"/slow/{SLOW_MS}/slow")
    await world.subscribe(quick, "/ok/beside-slow")
    slow_brins, brins = await world.add_schools(SLOW_SCHOOLS), await world.add_schools(500)
    await world.start_lanes(slow_brins, "VVA", [slow])
    await world.start_lanes(brins, "VVA", [quick])
    began = time.monotonic()
    settled = await world.settled()
    await world.record(slow_brins, SLOW_EACH)
    sent = await drip(world, brins, Pace(rate=200, seconds=3))
    await world.until_settled(settled + SLOW_SCHOOLS * SLOW_EACH + len(sent))
    took = time.monotonic() - began
    got = await world.arrivals()
    return [
        rate("the slow one takes", SLOW_SCHOOLS * SLOW_EACH / took),
        *latencies("200/s to the other", lags(sent, [one for one in got if one.path.startswith("/ok")])),
    ]


async def copy_lane(world: World) -> list[Figure]:
    """Changes to the queue for RIO whose system asked for copies: two deliveries each."""
    oins = await world.add_systems(1, ["VVA", "RIO"])
    await world.subscribe(oins[0], "/ok/copies", ["VVA", "RIO"])
    brins = await world.add_schools(COPIED_SCHOOLS)
    await world.grant(brins, "RIO", oins)
    settled = await world.settled()
    await world.record(brins, 1)
    await world.until_settled(settled + 2 * COPIED_SCHOOLS)
    await world.arrivals()
    figures = await race(world, brins, COPIED_EACH, per_event=2)
    return [*figures, _inverted(await world.until_arrived(COPIED_SCHOOLS * COPIED_EACH))]


async def hot_schools(world: World) -> list[Figure]:
    """A thousand changes of each of ten schools: lanes that cannot be spread."""
    brins = await world.add_schools(10)
    oins = await world.add_systems(1, ["VVA"])
    await world.subscribe(oins[0], "/ok/hot")
    await world.start_lanes(brins, "VVA", oins)
    figures = await race(world, brins, 1000)
    return [*figures, _inverted(await world.until_arrived(10 * 1000))]


def _inverted(got: Sequence[Arrival]) -> Figure:
    return Figure(what="inversions", value=inversions(got), unit="", better="lower")
