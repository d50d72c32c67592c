"""One, two and four of each process on this machine: where more of them help, and where they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.bench.figures import Figure
from tests.bench.scenarios.sustained import race
from tests.bench.scenarios.way_in import CALLERS, together
from tests.bench.world import inversions
from tests.support.servers.ports import free_port
from tests.support.servers.stacks import until

if TYPE_CHECKING:
    from tests.bench.world import World

LIVE: Final = """
select role, count(*) as n from processes where heartbeat_at > clock_timestamp() - interval '3 s' group by role
"""
NUMBERS: Final = (1, 2, 4)
SCHOOLS: Final = 2000
CHANGES: Final = 10
CALLS: Final = 60
STAGES: Final = {
    "produce": ("producers.cli",),
    "plan": ("consumers.cli", "plan"),
    "forward": ("consumers.cli", "forward"),
}


async def side_by_side(world: World) -> list[Figure]:
    """The same load with more relays, planners and forwarders, and the same calls with more processes that serve."""
    brins = await world.add_schools(SCHOOLS)
    oins = await world.add_systems(1, ["VVA"])
    await world.subscribe(oins[0], "/ok/side-by-side")
    await world.start_lanes(brins, "VVA", oins)
    figures: list[Figure] = []
    apis = [world.stack.connection["api"]]
    for number in NUMBERS:
        await _add(world, number)
        apis += [await _serve(world, at) for at in range(len(apis), number)]
        found = await race(world, brins, CHANGES)
        inverted = inversions(await world.until_arrived(SCHOOLS * CHANGES))
        figures += [_renamed(f"{number} of each", one) for one in found if ": " not in one.what]
        figures.append(Figure(what=f"{number} of each: inversions", value=inverted, unit="", better="lower"))
        figures += await together(world, oins[0], CALLERS, CALLS, apis)
    return figures


async def _add(world: World, number: int) -> None:
    for at in range(1, number):
        for name, words in STAGES.items():
            if f"{name} {at}" not in world.more:
                await world.start(f"{name} {at}", "-m", *words)

    async def all_live() -> bool:
        live = await world.c.fetch(LIVE)
        return {row["role"]: row["n"] for row in live}.items() >= dict.fromkeys(STAGES, number).items()

    await until(all_live, f"{number} of each are running", within=60)


async def _serve(world: World, at: int) -> str:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {"OSR_HUB_HTTP__PORT": str(port)}
    await world.start(f"serve {at}", "-m", "hub.cli", "serve", **settings)

    async def answers() -> bool:
        try:
            response = await world.stack.client.get(f"{url}/health/ready").build().send()
        except Exception:  # noqa: BLE001 - whatever the client says while nobody listens
            return False
        return response.status == 200

    await until(answers, f"serve {at} answers", within=60)
    return f"{url}/v1"


def _renamed(name: str, one: Figure) -> Figure:
    return Figure(what=f"{name}: {one.what}", value=one.value, unit=one.unit, better=one.better)
