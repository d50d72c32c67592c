"""The national register: 45,000 mandates in one file, from the start of the import to the last message taken."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from tests.bench.figures import Figure, rate
from tests.bench.resources import costs, read_usage
from tests.bench.world import inversions
from tests.support.register.stack_register import SERVICES
from tests.support.servers.stacks import until

if TYPE_CHECKING:
    from tests.bench.world import World

SCHOOLS: Final = 11_250
HEADER: Final = "brin;service_code;supplier_oin;start_date;end_date;branch;routing_id\n"


async def national(world: World) -> list[Figure]:
    """Four mandates of each of 11,250 schools, by `osr-hub import mandates`."""
    brins = await world.add_schools(SCHOOLS)
    oins = await world.add_systems(1, SERVICES)
    await world.subscribe(oins[0], "/ok/national")
    file = world.stack.data / "national.csv"
    today = await world.c.fetchval("select current_date::text")
    file.write_text(HEADER + "".join(f"{b};{s};{oins[0]};{today};;;\n" for b in brins for s in SERVICES))
    n = SCHOOLS * len(SERVICES)
    before, settled = await read_usage(world), await world.settled()
    began, wall = time.monotonic(), time.time()
    await world.stack.done("osr-hub", "import", "mandates", str(file))
    imported = time.monotonic() - began

    async def settled_by_all() -> bool:
        return await world.settled() >= settled + n

    await until(settled_by_all, "all of them taken", within=120, look=0.02)
    took = time.monotonic() - began
    got = await world.until_arrived(SCHOOLS)
    return [
        seconds("import command", imported),
        seconds("start to last webhook", max(one.at for one in got) - wall),
        seconds("start to last settled", took),
        rate("mandates", n / took),
        Figure(what="inversions", value=inversions(got), unit="", better="lower"),
        *costs(before, await read_usage(world), n, of="mandate"),
    ]


def seconds(what: str, value: float) -> Figure:
    """Return a duration that better be short."""
    return Figure(what=what, value=value, unit="s", better="lower")
