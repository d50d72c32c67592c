"""Many changes to one webhook, and to one queue of DUO: the rate, and what a delivery costs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from tests.bench.figures import Figure, rate
from tests.bench.resources import costs, memory, read_usage
from tests.bench.world import inversions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.world import World

SCHOOLS: Final = 3000
EACH: Final = 10
WARM_UP: Final = 5
"""Changes of each school before the race: the broker's Java compiles its own code while it starts."""


async def webhooks(world: World) -> list[Figure]:
    """Changes of 3,000 schools to one webhook."""
    brins = await world.add_schools(SCHOOLS)
    oins = await world.add_systems(1, ["VVA"])
    await world.subscribe(oins[0], "/ok/sustained")
    await world.start_lanes(brins, "VVA", oins, each=WARM_UP)
    figures = await race(world, brins, EACH)
    got = await world.until_arrived(len(brins) * EACH)
    return [*figures, Figure(what="inversions", value=inversions(got), unit="", better="lower"), *memory(world)]


async def queue(world: World) -> list[Figure]:
    """The same to the queue for RIO."""
    brins = await world.add_schools(SCHOOLS)
    oins = await world.add_systems(1, ["RIO"])
    await world.start_lanes(brins, "RIO", oins, each=WARM_UP)
    return await race(world, brins, EACH)


async def race(world: World, brins: Sequence[str], each: int, per_event: int = 1) -> list[Figure]:
    """Record events of all these schools, one portion after the other; return the rate until all were settled."""
    n = len(brins) * each * per_event
    portions = await world.stage(brins, each)
    before, settled = await read_usage(world), await world.settled()
    began = time.monotonic()
    for portion in range(portions):
        await world.record_portion(portion)
    loaded = time.monotonic() - began
    await world.until_settled(settled + n)
    took = time.monotonic() - began
    after = await read_usage(world)
    return [
        rate("deliveries settled", n / took),
        Figure(what="recorded in", value=loaded, unit="s"),
        *costs(before, after, n),
    ]
