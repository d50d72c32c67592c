"""A ledger after years: its rate beside an empty one, and what pages, lists, scrapes, the check and retention take."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from tests.bench.figures import Figure, milliseconds, quantile, rate
from tests.bench.grow import Growth, grow
from tests.bench.scenarios.sustained import race

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.world import World

DELIVERIES: Final = 1_000_000
SCHOOLS: Final = 25_000
"""Each has four lanes: 100,000 in all."""
RACING: Final = 2000
EACH: Final = 10
DAYS: Final = 700
"""More than deliveries are kept, so that retention has something to do."""
ASKED: Final = 20
LISTS: Final = (
    "/deliveries", "/deliveries?status=rejected", "/deliveries?status=dead", "/deliveries?brin={brin}",
    "/deliveries?from={day}", "/deliveries?serviceCode=RIO", "/lanes", "/events", "/mandates?brin={brin}",
    "/schools/{brin}/status", "/lag", "/destinations", "/subscriptions", "/parked", "/audit?brin={brin}",
)  # fmt: skip
METRICS: Final = "/metrics"


async def growth(world: World) -> list[Figure]:
    """Run the same load on an empty and on a grown ledger; then read it, check it, and thin it beside the load."""
    brins = await world.add_schools(RACING)
    oins = await world.add_systems(1, ["VVA"])
    await world.subscribe(oins[0], "/ok/growth")
    await world.start_lanes(brins, "VVA", oins)
    empty = _rate(await race(world, brins, EACH))
    began = time.monotonic()
    await grow(world.c, Growth(deliveries=DELIVERIES, schools=SCHOOLS, days=DAYS), lambda _: None)
    figures = [_seconds("growing takes", time.monotonic() - began)]
    full = _rate(await race(world, brins, EACH))
    figures += [
        rate("deliveries settled on the grown ledger", full),
        _share("of the empty ledger's rate", full / empty),
    ]
    figures += [await _timed(world, path) for path in LISTS]
    figures.append(await _timed(world, METRICS))
    began = time.monotonic()
    await world.stack.verify()
    figures.append(_seconds("verify takes", time.monotonic() - began))
    thinning = asyncio.create_task(world.stack.done("osr-hub", "retention"))
    beside = _rate(await race(world, brins, EACH))
    await thinning
    return [*figures, _share("of that rate beside retention", beside / full)]


async def _timed(world: World, path: str) -> Figure:
    brin = await world.c.fetchval("select brin from lanes order by brin desc limit 1")
    day = await world.c.fetchval("select to_char(now() - interval '1 day', 'YYYY-MM-DD\"T\"00:00:00\"Z\"')")
    api = world.stack.connection["api"]
    asked = path.format(brin=brin, day=day)
    base = api.removesuffix("/v1") if path == METRICS else api
    spent = []
    for _ in range(ASKED):
        began = time.monotonic()
        request = world.stack.client.get(f"{base}{asked}")
        response = await request.bearer_auth(world.stack.connection["tokens"]["operations"]).build().send()
        await response.bytes()
        assert response.status == 200, (asked, response.status)
        spent.append(time.monotonic() - began)
    return milliseconds(f"{path}, p95", quantile(spent, 0.95) * 1000)


def _rate(figures: Sequence[Figure]) -> float:
    return next(one.value for one in figures if one.what == "deliveries settled")


def _share(what: str, value: float) -> Figure:
    return Figure(what=what, value=value, unit="x", better="higher")


def _seconds(what: str, value: float) -> Figure:
    return Figure(what=what, value=value, unit="s", better="lower")
